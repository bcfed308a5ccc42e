"""What lies behind a group's position, counted by the entries themselves where it is little.

Servers that count trimmed unread entries as lag for good report a number that may be hundreds of times too high. The
entries after the position are the truth, and XRANGE counts them cheaply while they are few.
"""

from __future__ import annotations

from dataclasses import replace

from dashboard.streams.errors import StreamError
from dashboard.streams.queries.base import Command
from dashboard.streams.replies import Reply, need
from dashboard.streams.snapshots import Figure, GroupFacts, StreamFacts

COUNTED = 100
COUNTED_BYTES = 64 * 1024
"""Entries that are counted at most, and about what they may weigh."""


def doubtful(group: GroupFacts) -> bool:
    """Whether its lag is only the server's estimate."""
    return group.lag.approximate and group.lag.value is not None


def behind(stream: StreamFacts, group: GroupFacts) -> Command:
    """The command whose reply `recounted` takes."""
    return ("XRANGE", stream.key, str(group.last_delivered_id.next()), "+", "COUNT", _most(stream))


def recounted(stream: StreamFacts, group: GroupFacts, reply: Reply) -> GroupFacts:
    """The group with its lag counted; as it was where more lies behind it than is counted, or it cannot be read."""
    try:
        found = len(need(reply))
    except StreamError:
        return group
    return group if found >= _most(stream) else replace(group, lag=Figure(found))


def _most(stream: StreamFacts) -> int:
    return max(2, min(COUNTED, COUNTED_BYTES // max(stream.entry_bytes, 1)))
