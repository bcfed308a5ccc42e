"""`no_consumer`: entries wait and nobody reads them: no consumer at all, or none that has tried for LATE_AFTER.

A consumer parked in a blocking read is served at once, so with entries waiting a long idle time means absence. Needs
the lag, the consumers' idle times (so it is silent on a replica), and who acknowledged something lately.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age, plural
from dashboard.fleet.findings.model import Finding, GroupSeen


def no_consumer(seen: GroupSeen) -> Iterator[Finding]:
    group, limits = seen.group, seen.limits
    waiting = group.facts.lag.value
    if waiting == 0 or seen.stream.facts.length == 0 or seen.stream.replica:
        return
    quiet = min((c.idle_ms for c in group.consumers), default=None)
    if quiet is not None and (quiet < limits.late_ms or any(c.name in seen.moved.fell for c in group.consumers)):
        return
    oldest = first_waiting_ms(seen)
    if oldest < limits.late_ms:
        return
    about = "About " if group.facts.lag.approximate else ""
    undelivered = about + plural(waiting, "undelivered entry", "undelivered entries")
    left = "Undelivered entries" if waiting is None else undelivered
    some = plural(group.facts.consumers, "consumer", "consumers")
    yield seen.finding(
        "late",
        "no_consumer",
        "The group has no consumer" if quiet is None else f"Nobody has read for {age(quiet)}",
        detail=f"{left}." if quiet is None else f"{left}; {some} registered.",
        count=waiting,
        count_about=group.facts.lag.approximate,
        oldest_ms=oldest if quiet is None else min(oldest, quiet),
        evidence={"consumers": group.facts.consumers},
    )


def first_waiting_ms(seen: GroupSeen) -> int:
    """A bound for how long the first undelivered entry has waited: it came after the position and the first entry.

    Where IDs are no times, what rounds saw.
    """
    first, position = seen.stream.facts.first_id, seen.group.facts.last_delivered_id
    after = max(position, first) if first else position
    known = after.age_ms(seen.stream.now_ms)
    return seen.moved.waiting_ms if known is None else known
