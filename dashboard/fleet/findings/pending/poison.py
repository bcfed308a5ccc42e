"""`poison`: entries delivered POISON_DELIVERIES times and never acknowledged.

Also with an idle time of a second, when a loop keeps claiming them. Needs the pending entries that were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.streams.names import plain


def poison(seen: GroupSeen) -> Iterator[Finding]:
    bad = [e for e in seen.group.looked if e.deliveries >= seen.limits.poison]
    if not bad:
        return
    most = max(e.deliveries for e in bad)
    up_to = "" if len(bad) == 1 else "up to "
    yield seen.finding(
        "stuck",
        "poison",
        f"Delivered {up_to}{number(most)} times, never acknowledged",
        detail=f"First: {bad[0].id}, held by {plain(bad[0].consumer) or 'nobody'}.",
        count=len(bad),
        count_least=not seen.group.saw_all,
        oldest_ms=max(e.age_ms(seen.stream.now_ms) for e in bad),
        evidence={"deliveries": most, "id": str(bad[0].id)},
    )
