"""`released`: entries that were given back by XNACK (Redis 8.8) and that nobody has taken for LATE_AFTER.

Needs the count of released entries, and since when the first of them was seen to be so: Redis keeps no time of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age, plural
from dashboard.fleet.findings.model import Finding, GroupSeen


def released(seen: GroupSeen) -> Iterator[Finding]:
    counted, since, limits = seen.survey, seen.moved.released_ms, seen.limits
    if not counted.released or since < limits.late_ms:
        return
    some = "" if counted.complete else "At least "
    many = plural(counted.released, "released entry has", "released entries have")
    yield seen.finding(
        limits.severity(since),
        "released",
        f"{some}{many} not been taken for {age(since)}",
        detail="They were released with XNACK; the next consumer that reads or claims gets them.",
        count=counted.released,
        count_least=not counted.complete,
        oldest_ms=since,
        evidence={"pending": seen.group.facts.pending},
    )
