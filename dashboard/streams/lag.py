"""The honest lag: what a group has not been delivered, as a number or as unknown with the reason.

`lag` of XINFO GROUPS is null or wrong in many states (docs/how-it-works.md). Three facts come first
because they hold on every server: nothing there, everything read, nothing read.
"""

from __future__ import annotations

from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Figure, StreamFacts

NOT_COUNTED = "This server does not count lag; Redis 7.0 and newer do."
LOST_COUNT = (
    "Redis lost count: the position was set in mid-stream or unread entries were deleted. "
    "It knows again when the group has read to the end."
)

NONE_LEFT = Figure(0)


def lag(stream: StreamFacts, last_delivered_id: StreamId, row: dict[bytes, object], *, overcounts: bool) -> Figure:
    """Entries of `stream` after `last_delivered_id`; `row` is the group's row of XINFO GROUPS.

    `overcounts`: this server counts trimmed unread entries as lag for good, so its number is only an estimate.
    """
    if stream.length == 0 or stream.first_id is None or stream.last_id is None:
        return NONE_LEFT
    if last_delivered_id >= stream.last_id:
        return NONE_LEFT
    if last_delivered_id < stream.first_id:
        return Figure(stream.length)
    reported = row.get(b"lag")
    if not isinstance(reported, int):
        return Figure(None, LOST_COUNT if b"lag" in row else NOT_COUNTED)
    trimmed = stream.entries_added is None or stream.entries_added > stream.length
    return Figure(min(max(reported, 1), stream.length), approximate=overcounts and trimmed)
