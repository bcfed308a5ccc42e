"""`will_lose`: the stream is being trimmed, and trimming reaches what the group has not read within STUCK_AFTER.

Needs the lag, how fast entries are trimmed, and how fast the group reads. Nothing where entries are only deleted, or
were trimmed once. A server that miscounts may give a lag of all there is, which cannot be: nothing follows from that.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age, number, plural, rate
from dashboard.fleet.findings.model import Finding, GroupSeen

EDGE_MS = 10_000
"""A group with less than that to trim before it, and more unread than that, is at the edge of what trimming takes.

There its rate says nothing: what it loses counts as read on some servers.
"""


def will_lose(seen: GroupSeen) -> Iterator[Finding]:
    moved, facts, lag = seen.moved, seen.group.facts, seen.group.facts.lag.value
    about = facts.lag.approximate
    removed, out = moved.removed_rate or 0.0, moved.out_rate or 0.0
    if not lag or removed < 0.01:
        return
    margin = max(0, seen.stream.facts.length - lag)
    at_the_edge = margin < min(lag, removed * EDGE_MS / 1000)
    if removed <= out and not at_the_edge:
        return
    left_ms = int(margin / (removed if at_the_edge else removed - out) * 1000)
    if left_ms >= seen.limits.stuck_ms or (about and not margin):
        return
    some = "About " if about else ""
    when = f"in about {age(left_ms)}" if margin else "with the next trim"
    yield seen.finding(
        "late",
        "will_lose",
        f"Trimming {'may' if about else 'will'} remove entries that the group has not read, {when}",
        detail=f"{some}{plural(lag, 'entry is', 'entries are')} unread, {number(margin)} older ones are left to trim. "
        f"Trimmed: {rate(removed)}, read: {rate(out)}.",
        count=lag,
        count_about=about,
        oldest_ms=facts.last_delivered_id.age_ms(seen.stream.now_ms) or moved.waiting_ms,
        evidence={"removed_rate": removed, "out_rate": out, "margin": margin},
    )
