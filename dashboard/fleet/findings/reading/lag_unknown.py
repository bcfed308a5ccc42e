"""`lag_unknown`: Redis lost count of what a group has not read, and its position has not moved for LATE_AFTER.

Not worth a line on servers that never count, or while somebody reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.fleet.findings.model import Finding, GroupSeen


def lag_unknown(seen: GroupSeen) -> Iterator[Finding]:
    counts = seen.stream.facts.entries_added is not None
    if seen.group.facts.lag.value is not None or not counts or seen.moved.still_ms < seen.limits.late_ms:
        return
    yield seen.finding(
        "unknown",
        "lag_unknown",
        "The position was set mid-stream, or unread entries were deleted",
        detail="Redis cannot count the lag until the group has read to the end.",
        oldest_ms=seen.moved.still_ms,
    )
