"""`falling_behind`: more comes in than the group takes out, and its lag has grown by a fifth within a minute.

Needs the rates in and out, the lag and the lag a minute ago.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number, plural, rate
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.fleet.findings.reading.no_consumer import first_waiting_ms


def falling_behind(seen: GroupSeen) -> Iterator[Finding]:
    moved, facts = seen.moved, seen.group.facts
    now, before = facts.lag.value, moved.lag_before
    if now is None or before is None or now < 100 or now < before * 1.2 or moved.in_rate is None:
        return
    out = moved.out_rate or 0.0
    if out >= moved.in_rate:
        return
    yield seen.finding(
        "late",
        "falling_behind",
        f"In {rate(moved.in_rate)}, out {rate(out)}: lag is growing",
        detail=f"Lag was {number(before)} a minute ago. {plural(facts.consumers, 'consumer')}.",
        count=now,
        oldest_ms=first_waiting_ms(seen),
        evidence={"in_rate": moved.in_rate, "out_rate": out},
    )
