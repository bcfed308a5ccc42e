"""How many entries were removed before a group read them."""

from __future__ import annotations

from dashboard.streams.ids import MIN
from dashboard.streams.snapshots import GroupFacts, StreamFacts


def lost(stream: StreamFacts, group: GroupFacts) -> int | None:
    """Entries that were added after the group's position and are not in the stream any more; None where nobody counts.

    It shows only while the group's next entry is the first of the stream: what it has not read is then all there is,
    and the counters say how many there should be.
    """
    if stream.entries_added is None or (stream.first_id and group.last_delivered_id >= stream.first_id):
        return None
    if stream.first_id is None and group.last_delivered_id >= stream.last_generated_id:
        return 0
    read = 0 if group.last_delivered_id == MIN else group.entries_read
    return None if read is None else max(0, stream.entries_added - read - stream.length)
