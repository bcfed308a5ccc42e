"""`replica`: the server is one: it takes no writes, and does not learn when consumers read. Needs its role."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.fleet.findings.model import Finding, ServerSeen


def replica(seen: ServerSeen) -> Iterator[Finding]:
    found = seen.figures.replication
    if found.role != "replica":
        return
    link = ", which it has lost the link to" if found.in_step is False else ""
    follows = f"It follows {found.primary}{link}. " if found.primary else ""
    yield seen.finding(
        "late" if found.in_step is False else "unknown",
        "replica",
        "The server is a replica: only its primary takes writes",
        detail=f"{follows}Whether consumers are silent or gone is unknown here: replicas are not told.",
        evidence={"primary": found.primary, "in_step": found.in_step},
    )
