"""`ghosts`: pending entries that were trimmed or deleted from the stream, so that nobody can process them.

Needs the count of pending entries without a body.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number
from dashboard.fleet.findings.model import Finding, GroupSeen


def ghosts(seen: GroupSeen) -> Iterator[Finding]:
    group = seen.group
    if not group.ghosts:
        return
    verb = "entry no longer exists" if group.ghosts == 1 else "entries no longer exist"
    yield seen.finding(
        "late",
        "ghosts",
        f"{number(group.ghosts)} pending {verb} in the stream",
        detail="Trimmed or deleted while pending: their content is lost, and nobody can process them.",
        count=group.ghosts,
        count_least=not group.saw_all,
        oldest_ms=max((e.idle_ms for e in group.looked[:1]), default=0),
        evidence={"pending": group.facts.pending},
    )
