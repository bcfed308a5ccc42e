"""`orphan_consumers`: ORPHANS or more consumers hold nothing and have not read for GONE_AFTER, while others do.

Clients that register under a new name at each start leave them behind; each costs memory, and lists fill up. Needs the
consumers with their idle times.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age, number
from dashboard.fleet.findings.model import Finding, GroupSeen

ORPHANS = 10


def orphan_consumers(seen: GroupSeen) -> Iterator[Finding]:
    consumers, limits = seen.group.consumers, seen.limits
    left = [c for c in consumers if not c.pending and c.idle_ms >= limits.gone_ms]
    if seen.stream.replica or len(left) < ORPHANS or all(c.idle_ms >= limits.late_ms for c in consumers):
        return
    longest = max(c.idle_ms for c in left)
    yield seen.finding(
        "late",
        "orphan_consumers",
        f"{number(len(left))} of {number(len(consumers))} consumers hold nothing and no longer read",
        detail=f"The last reads of these were {age(limits.gone_ms)} to {age(longest)} ago. "
        "A client that takes a new name at each start leaves the old one behind.",
        oldest_ms=longest,
        evidence={"orphans": len(left), "consumers": len(consumers)},
    )
