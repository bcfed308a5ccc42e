"""`falling_behind`: more comes in than the group takes out, and its lag grows.

Either by a fifth within a minute (of 100 entries at least), or steadily: over the last minute both the lag and the lag
in time have grown from each look to the next, and what waits has waited for LATE_AFTER. Where IDs are no times, only
the lag is compared. Nothing where trimming holds the lag at the length of the stream. Needs the rates, and the lag now,
half a minute and a minute ago.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number, plural, rate
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.fleet.findings.reading.no_consumer import first_waiting_ms

FEW = 100
"""Entries below which a lag that grows is not worth a line by its number alone."""


def falling_behind(seen: GroupSeen) -> Iterator[Finding]:
    moved, facts = seen.moved, seen.group.facts
    now, before = facts.lag.value, moved.lag_before
    if now is None or before is None or moved.in_rate is None:
        return
    out = moved.out_rate or 0.0
    if out >= moved.in_rate or _is_cut(seen, now) or not (_fast(now, before) or _steady(seen)):
        return
    yield seen.finding(
        "late",
        "falling_behind",
        f"In {rate(moved.in_rate)}, out {rate(out)}: the lag grows",
        detail=f"Lag was {number(before)} a minute ago. {plural(facts.consumers, 'consumer')}.",
        count=now,
        count_about=facts.lag.approximate,
        oldest_ms=first_waiting_ms(seen),
        evidence={"in_rate": moved.in_rate, "out_rate": out},
    )


def _is_cut(seen: GroupSeen, lag: int) -> bool:
    """Whether trimming keeps the lag from growing: it goes up and down with every trim then (`will_lose`)."""
    return bool(seen.moved.removed_rate) and lag >= 0.9 * seen.stream.facts.length


def _fast(now: int, before: int) -> bool:
    return now >= FEW and now >= before * 1.2


def _steady(seen: GroupSeen) -> bool:
    lags = seen.moved.lags
    if len(lags) < 3 or not lags[0][0] < lags[1][0] < lags[2][0]:
        return False
    times = [ms for _, ms in lags if ms is not None]
    if len(times) < 3:
        return lags[2][0] >= FEW
    return times[0] < times[1] < times[2] and times[2] >= seen.limits.late_ms
