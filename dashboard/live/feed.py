"""What waits for one watch of one viewer. Bounded: a viewer who does not keep up loses the oldest, counted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboard.live.reader.cursor import Reason
from dashboard.live.topics import Topic
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import Entry

WAITING = 200
WAITING_BYTES = 2 * 2**20
State = Literal["live", "reconnecting", "stale"]


@dataclass(frozen=True, slots=True)
class Begun:
    """From here on, every entry after `after` comes or is counted."""

    after: StreamId
    epoch: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream is not the one it was. The next entries come after `goes_on`."""

    reason: Reason
    lost: int | None
    epoch: str
    goes_on: StreamId


@dataclass(frozen=True, slots=True)
class Status:
    """How the reader is doing; `heard`: monotonic seconds when the server answered last, None: never."""

    state: State
    heard: float | None
    reason: str = ""

    def then(self, state: State, reason: str = "") -> Status:
        """How the reader is doing from now on; `heard` moves with every answer."""
        return Status(state, time.monotonic() if state == "live" else self.heard, reason)


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one frame. `skipped` of those between `prev` and `last` are left out; `uncounted`: or more."""

    prev: StreamId
    last: StreamId
    items: tuple[Entry, ...]
    skipped: int
    uncounted: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """Something about the topic is new: ask again."""


News = Begun | Broken | Status | Batch | Changed | StreamError


class Feed:
    """Filled by the hub, emptied by `take`. `wake` is called when there is something to take.

    Nothing but statuses and errors is taken before `begin` has said where it begins; what comes meanwhile waits.
    """

    def __init__(self, topic: Topic, wake: Callable[[], None], *, limit: int = WAITING, who: str = "") -> None:
        self.topic = topic
        self.who = who
        self.keep: Callable[[Entry], bool] | None = None
        self._wake = wake
        self._limit = limit
        self._queue: deque[Entry | Begun | Broken] = deque()
        self._waiting = self._bytes = self._skipped = self._allowed = 0
        self._uncounted = self._begun = False
        self._at_once: dict[type, Status | Changed | StreamError] = {}
        self._sent: StreamId = MIN
        self._seen: StreamId | None = None
        self._floor: StreamId = MIN

    def begin(self, begun: Begun, earlier: Sequence[Entry] = (), *, broken: Broken | None = None) -> None:
        """Where it begins, and what the stream already holds beyond that. Comes before all that waits."""
        self._begin_after(earlier[-1].id if earlier else broken.goes_on if broken else begun.after)
        kept = [entry for entry in earlier if self.keep is None or self.keep(entry)]
        first: list[Entry | Begun | Broken] = [begun, *([broken] if broken else []), *kept]
        self._queue.extendleft(reversed(first))
        self._waiting += len(kept)
        self._bytes += sum(entry.weight for entry in kept)
        self._allowed = len(kept)
        self._begun, self._sent = True, begun.after
        self._wake()

    def skip(self, count: int, *, uncounted: bool = False) -> None:
        """So many entries are left out; `uncounted`: at least."""
        self._skipped += count
        self._uncounted |= uncounted

    def leap(self, after: StreamId, upto: StreamId, count: int) -> None:
        """The reader went from one ID to another and left out what lies between, so many entries."""
        if upto > self._floor:
            ahead = after < self._floor
            self.skip(0 if ahead else count, uncounted=ahead)

    def push(self, entries: Sequence[Entry]) -> None:
        """New entries, in their order."""
        for entry in entries:
            if entry.id <= self._floor:
                continue
            self._seen = entry.id
            if self.keep is None or self.keep(entry):
                self._queue.append(entry)
                self._waiting += 1
                self._bytes += entry.weight
        while self._waiting > max(1, self._limit + self._allowed) or (
            self._bytes > WAITING_BYTES and self._waiting > 1
        ):
            self._drop()
        self._wake()

    def notify(self, news: Broken | StreamError | Status | Changed) -> None:
        """A break keeps its place among the entries; the rest is sent at once, the latest of its kind only."""
        if isinstance(news, Broken):
            self._queue.append(news)
            self._seen = self._floor = news.goes_on
        else:
            self._at_once[type(news)] = news
        self._wake()

    def take(self, max_entries: int, max_bytes: int) -> News | None:
        """The next news, at most `max_entries` entries or `max_bytes` of them (one at least); None: nothing waits."""
        if self._at_once:
            return self._at_once.pop(next(iter(self._at_once)))
        if not self._begun or not self._queue:
            return None
        if isinstance(self._queue[0], Entry):
            return self._batch(max_entries, max_bytes)
        news = self._queue.popleft()
        if isinstance(news, Broken):
            self._sent = news.goes_on
        return news  # type: ignore[return-value]

    def _batch(self, max_entries: int, max_bytes: int) -> Batch:
        items: list[Entry] = []
        while self._queue and len(items) < max_entries and max_bytes > 0:
            entry = self._queue[0]
            if not isinstance(entry, Entry):
                break
            self._queue.popleft()
            items.append(entry)
            max_bytes -= entry.weight
        self._waiting -= len(items)
        self._bytes -= sum(entry.weight for entry in items)
        self._allowed = max(0, self._allowed - len(items))
        prev, self._sent = self._sent, items[-1].id if self._queue else self._seen or items[-1].id
        skipped, uncounted, self._skipped, self._uncounted = self._skipped, self._uncounted, 0, False
        return Batch(prev, self._sent, tuple(items), skipped, uncounted)

    def _begin_after(self, start: StreamId) -> None:
        """What is not newer than the start is no news: a viewer may know more than the reader has read."""
        waiting, self._queue = self._queue, deque()
        self._waiting = self._bytes = 0
        floor = start
        for news in waiting:
            if isinstance(news, Broken):
                floor = MIN
            elif isinstance(news, Entry) and news.id <= floor:
                continue
            self._queue.append(news)
            if isinstance(news, Entry):
                self._waiting += 1
                self._bytes += news.weight
        if floor == start:
            self._floor, self._seen = start, max(self._seen or start, start)

    def _drop(self) -> None:
        """The oldest entry that waits."""
        at = next(i for i, news in enumerate(self._queue) if isinstance(news, Entry))
        oldest = self._queue[at]
        del self._queue[at]
        self._waiting -= 1
        self._skipped += 1
        self._bytes -= oldest.weight if isinstance(oldest, Entry) else 0
