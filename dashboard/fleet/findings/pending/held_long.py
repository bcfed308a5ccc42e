"""`held_long`: the oldest pending entry has been the same for GONE_AFTER, though somebody keeps touching it.

A consumer that renews its claim without end looks alive, and its entry never gets old by idle time. Needs how long the
oldest pending entry has been the same, as seen from round to round. Untouched entries are `stuck`, often delivered
ones `poison`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.fleet.findings.words import who


def held_long(seen: GroupSeen) -> Iterator[Finding]:
    limits, since = seen.limits, seen.moved.oldest_ms
    oldest = seen.group.looked[0] if seen.group.looked else None
    if oldest is None or since < limits.gone_ms or not 0 <= oldest.idle_ms < limits.late_ms:
        return
    if oldest.deliveries >= limits.poison:
        return
    yield seen.finding(
        "late",
        "held_long",
        f"{who(oldest.consumer)} has held {oldest.id} for {age(since)}",
        detail=f"It touched the entry {age(oldest.idle_ms)} ago and has not acknowledged it.",
        consumer=oldest.consumer or None,
        count=1,
        oldest_ms=since,
        evidence={"id": str(oldest.id), "deliveries": oldest.deliveries},
    )
