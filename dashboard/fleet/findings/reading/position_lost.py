"""`position_lost`: entries were removed from the stream before the group read them.

By the counters, while the group's next entry is the first one left: added since its position, less what is still
there. Of a group that has read nothing only what went since it was first seen: it may have been created after that.
Seen from round to round, it stays a finding for GONE_AFTER after the last of them went. Needs Redis 7.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import plural
from dashboard.fleet.findings.loss import lost
from dashboard.fleet.findings.model import Finding, GroupSeen


def position_lost(seen: GroupSeen) -> Iterator[Finding]:
    moved = seen.moved
    now_missing = max(0, (lost(seen.stream.facts, seen.group.facts) or 0) - moved.never_had)
    recent = moved.lost_ms is not None and moved.lost_ms < seen.limits.gone_ms
    count = max(now_missing, moved.lost if recent else 0)
    if not count:
        return
    yield seen.finding(
        "stuck",
        "position_lost",
        f"{plural(count, 'entry was', 'entries were')} removed before the group read them",
        detail="Trimmed or deleted unread: the group will never get them.",
        count=count,
        oldest_ms=moved.lost_ms or 0,
        evidence={"missing_before_next": now_missing, "length": seen.stream.facts.length},
    )
