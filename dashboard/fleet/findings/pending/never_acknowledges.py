"""`never_acknowledges`: a consumer keeps reading, and what it holds has only grown for STUCK_AFTER.

A handler that forgot XACK, or acknowledges in another group. Needs per consumer for how long what it holds has only
grown; at least GROWN entries, so that a slow start is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.fleet.findings.words import entries, who

GROWN = 10
"""Entries a consumer holds at least."""
EACH = 3
"""Consumers of one group that get a finding, those that hold most."""


def never_acknowledges(seen: GroupSeen) -> Iterator[Finding]:
    limits, rising = seen.limits, seen.moved.rising_ms
    found = [
        c
        for c in seen.group.consumers
        if not seen.stream.replica
        and c.pending >= GROWN
        and c.idle_ms < limits.late_ms
        and rising.get(c.name, 0) >= limits.stuck_ms
    ]
    for consumer in sorted(found, key=lambda c: (-c.pending, c.name))[:EACH]:
        since = rising[consumer.name]
        yield seen.finding(
            "stuck",
            "never_acknowledges",
            f"{who(consumer.name)} keeps reading and has acknowledged nothing for {age(since)}",
            detail=f"It holds {entries(consumer.pending)}, and that number only grows.",
            consumer=consumer.name or None,
            count=consumer.pending,
            oldest_ms=since,
            evidence={"pending": consumer.pending, "idle_ms": consumer.idle_ms},
        )
