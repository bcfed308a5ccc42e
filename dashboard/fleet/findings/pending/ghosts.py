"""`ghosts`: pending entries that were trimmed or deleted from the stream, so that nobody can process them.

Needs the count of pending entries without a body.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number
from dashboard.fleet.findings.model import Finding, GroupSeen


def ghosts(seen: GroupSeen) -> Iterator[Finding]:
    group, counted = seen.group, seen.survey
    if not counted.ghosts:
        return
    verb = "entry no longer exists" if counted.ghosts == 1 else "entries no longer exist"
    some = "" if counted.complete else "At least "
    yield seen.finding(
        "late",
        "ghosts",
        f"{some}{number(counted.ghosts)} pending {verb} in the stream",
        detail="Trimmed or deleted while pending: their content is lost, and nobody can process them.",
        count=counted.ghosts,
        count_least=not counted.complete,
        oldest_ms=max((e.idle_ms for e in group.looked[:1]), default=0),
        evidence={"pending": group.facts.pending},
    )
