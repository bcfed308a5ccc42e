"""Which streams the next XREAD names, and its COUNT: it brings STEP entries at most, for nobody knows what they weigh.

So at most STEP streams are read at a time; more of them go round in groups. A stream that has more is read on at once,
until all that came since the last backoff is enough.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from dashboard.streams.ids import StreamId
from dashboard.streams.queries import TailRead
from dashboard.streams.queries.steps import STEP, step
from dashboard.streams.snapshots import Entry

BLOCK_MS = 5000
BACKOFF = 0.05
"""Seconds between two reads of a flood: what one read brings is not all that there is."""
FRAME_REST, MAX_REST = 150e-6, 0.25
"""Seconds of rest after a read for each frame that was sent, and at most: with many viewers it comes in batches."""
QUICK_WITHIN, QUICK_REST = 0.025, 0.005
"""Where reads that bring something follow each other so quickly, the least seconds of rest. Else there is none."""
ROUND_PAUSE = 0.02
"""Seconds from one group of streams to the next: with the quota used up, a new entry waits for a quarter second.
They do not block: an idle server notices the end of a short block up to 100 ms late."""
COUNT = 500
"""Entries between two backoffs; PAGE_BYTES of them if they are heavy."""

Cursors = Sequence[tuple[bytes, StreamId]]


class ReadScheduler:
    """Belongs to one tail. `flooded`: the last backoff began although there was more."""

    def __init__(self) -> None:
        self.flooded = False
        self._round, self._rounds = 0, 1
        self._more: frozenset[bytes] = frozenset()
        self._came = self._weight = 0
        self._found_at = 0.0

    def next(self, following: Cursors) -> TailRead:
        """The read to send when these are followed from there on."""
        if more := tuple(one for one in following if one[0] in self._more):
            return TailRead(more, 0, self._count(len(more)))
        self._rounds = -(-len(following) // STEP)
        self._round = (self._round + 1) % self._rounds
        mine = tuple(following[self._round :: self._rounds])
        return TailRead(mine, BLOCK_MS if self._rounds == 1 else 0, self._count(len(mine)))

    def record(self, read: TailRead, came: Mapping[bytes, Sequence[Entry]]) -> float:
        """Take in what came; the seconds to back off now, whoever watches."""
        self._came += sum(map(len, came.values()))
        self._weight += sum(entry.weight for entries in came.values() for entry in entries)
        self._more = frozenset(key for key, entries in came.items() if len(entries) >= read.count)
        if self._more and self._remaining:
            return 0.0
        self.flooded, self._more = bool(self._more), frozenset()
        self._came = self._weight = 0
        if self._rounds > 1:
            return ROUND_PAUSE
        return BACKOFF if self.flooded else 0.0

    @property
    def reads_on(self) -> bool:
        """Whether the next read goes on at once, where this one left more."""
        return bool(self._more)

    def rest(self, frames: int) -> float:
        """Seconds until the next read, after one that brought something and so many frames were sent for."""
        now = time.monotonic()
        quick, self._found_at = now - self._found_at < QUICK_WITHIN, now
        return min(MAX_REST, max(frames * FRAME_REST, QUICK_REST if quick else 0.0))

    @property
    def _remaining(self) -> int:
        return step(self._came, self._weight, COUNT - self._came)

    def _count(self, streams: int) -> int:
        return max(1, self._remaining // streams)
