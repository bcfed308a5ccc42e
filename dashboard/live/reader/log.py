"""What was read of a stream last, kept once for all who watch it.

Entries have numbers: a viewer is the number it comes to next, and how far it is behind is arithmetic. What the entries
look like on the wire is made once per audience, and a frame once for all who stand at the same place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from dashboard.display.rows import Sight
from dashboard.live.parts import Encoded, Part
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry

ENTRIES = 1000
BYTES = 2 * 2**20
FRAMES = 64
"""Batches of frames that are kept until the next entry comes."""
_id = attrgetter("id")


class Log:
    """Everything after `start` up to `seen` that `keep` keeps, at most ENTRIES and BYTES.

    The numbers go from `first` to below `end`; what lies before `first` has left it, or never was in it (`leap`).
    """

    most = ENTRIES

    def __init__(self, start: StreamId, keep: Callable[[Entry], bool] | None = None) -> None:
        self.start = self.seen = start
        self.first = self.end = 0
        self._keep = keep
        self._entries: list[Entry] = []
        self._weights: list[int] = []
        self._weight_before = 0
        self._parts: dict[Sight, dict[int, Part]] = {}
        self._frames: dict[object, Sequence[Encoded]] = {}

    def append(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.seen = entry.id
            if self._keep is None or self._keep(entry):
                self._entries.append(entry)
                self._weights.append(self._weight_to(self.end) + entry.weight)
                self.end += 1
        self._forget(self.newest(self.most, BYTES))
        self._frames.clear()

    @property
    def unseen(self) -> int:
        """Entries that were read, but are not in it yet."""
        return 0

    @property
    def read(self) -> StreamId:
        """How far the stream was read, those included."""
        return self.seen

    def leap(self, upto: StreamId, count: int) -> None:
        """So many entries up to an ID were left out: whoever had not come to them has missed them."""
        self.end += count
        self._forget(self.end)
        self.start = self.seen = upto

    def after(self, id_: StreamId) -> int | None:
        """The number of what comes first after an ID; None when that is not known."""
        return None if id_ < self.start else self.first + bisect_right(self._entries, id_, key=_id)

    def since(self, id_: StreamId) -> list[Entry] | None:
        """What came after an ID; None when that is not known completely."""
        at = self.after(id_)
        return None if at is None else self._entries[at - self.first :]

    def holds(self, id_: StreamId) -> bool:
        """Whether this very entry is in it, or is where it starts."""
        at = bisect_left(self._entries, id_, key=_id)
        return id_ == self.start or (at < len(self._entries) and self._entries[at].id == id_)

    def entry(self, number: int) -> Entry:
        return self._entries[number - self.first]

    def newest(self, count: int, weight: int) -> int:
        """Where the newest begin, at most so many of them and so heavy; one at least."""
        return max(self.first, min(self._beyond(count, weight), self.end - 1))

    def slice(self, number: int, count: int, weight: int) -> Sequence[Entry]:
        """From a number on, so many at most, up to the one that makes them as heavy as `weight`; one at least."""
        at = number - self.first
        heavy = bisect_left(self._weights, self._weight_to(number) + weight, lo=at)
        return self._entries[at : max(at + 1, min(at + count, heavy + 1))]

    def parts(self, sight: Sight, number: int, count: int, encode: Callable[[Entry, Sight], Part]) -> list[Part]:
        """Entries as an audience sees them, each encoded once."""
        made = self._parts.setdefault(sight, {})
        for at in range(number, number + count):
            if at not in made:
                made[at] = encode(self.entry(at), sight)
        return [made[at] for at in range(number, number + count)]

    def frames(self, key: object, make: Callable[[], Iterable[Encoded]]) -> Sequence[Encoded]:
        """Frames that were made for the same `key` since the last entry came, or new ones."""
        if key not in self._frames:
            if len(self._frames) >= FRAMES:
                self._frames.clear()
            self._frames[key] = tuple(make())
        return self._frames[key]

    def _beyond(self, count: int, weight: int) -> int:
        """The first number of the newest that are at most so many and weigh at most so much."""
        light = bisect_left(self._weights, self._weight_to(self.end) - weight)
        begin = self.first + light + 1 if self._weight_to(self.end) - self._weight_before > weight else self.first
        return max(begin, self.end - count)

    def _weight_to(self, number: int) -> int:
        """Of all entries before a number, those that have left included."""
        at = number - self.first
        return self._weights[at - 1] if at > 0 and self._weights else self._weight_before

    def _forget(self, number: int) -> None:
        """What comes before a number leaves."""
        gone = min(number - self.first, len(self._entries))
        if gone > 0:
            self.start, self._weight_before = self._entries[gone - 1].id, self._weights[gone - 1]
            del self._entries[:gone], self._weights[:gone]
            for made in self._parts.values():
                for at in range(self.first, self.first + gone):
                    made.pop(at, None)
        self.first = number
