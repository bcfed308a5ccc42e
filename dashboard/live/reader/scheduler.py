"""Whom the reader asks next, and for how much: one XREAD brings STEP entries at most, for nobody knows what they weigh.

So at most STEP streams are read at a time, more of them in turns. Who has more than came is read on at once, until all
that came since the last rest is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.streams.ids import StreamId
from dashboard.streams.queries import TailRead
from dashboard.streams.queries.steps import STEP, step
from dashboard.streams.snapshots import Entry

BLOCK_MS = 5000
REST = 0.05
"""Seconds between two reads that found something, so that a flood comes in batches."""
TURN = 0.02
"""Seconds from one of several turns to the next: with all the room taken, a new entry waits for a quarter second.
They do not block: an idle server notices the end of a short block up to 100 ms late."""
COUNT = 500
"""Entries between two rests; PAGE_BYTES of them if they are heavy."""

Cursors = Sequence[tuple[bytes, StreamId]]


class Turns:
    """Belongs to one tail. `flooded`: the last rest began although there was more."""

    def __init__(self) -> None:
        self.flooded = False
        self._turn, self._turns = 0, 1
        self._more: frozenset[bytes] = frozenset()
        self._came = self._weight = 0

    def next(self, following: Cursors) -> TailRead:
        """What to ask, when these are followed from there on."""
        if more := tuple(one for one in following if one[0] in self._more):
            return TailRead(more, 0, self._count(len(more)))
        self._turns = -(-len(following) // STEP)
        self._turn = (self._turn + 1) % self._turns
        mine = tuple(following[self._turn :: self._turns])
        return TailRead(mine, BLOCK_MS if self._turns == 1 else 0, self._count(len(mine)))

    def took(self, asked: TailRead, found: Mapping[bytes, Sequence[Entry]]) -> float:
        """Take in what came; the seconds to rest now."""
        self._came += sum(map(len, found.values()))
        self._weight += sum(entry.weight for entries in found.values() for entry in entries)
        self._more = frozenset(key for key, entries in found.items() if len(entries) >= asked.count)
        if self._more and self._room:
            return 0.0
        self.flooded, self._more = bool(self._more), frozenset()
        self._came = self._weight = 0
        if self._turns > 1:
            return TURN
        return REST if found else 0.0

    @property
    def _room(self) -> int:
        return step(self._came, self._weight, COUNT - self._came)

    def _count(self, streams: int) -> int:
        return max(1, self._room // streams)
