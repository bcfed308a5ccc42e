"""What one watch of one viewer has still to get. Whoever does not keep up loses the oldest, counted.

New entries wait in the log of the stream, which all viewers share. A queue of its own has only what is there for this
viewer alone: where it begins, what it missed before, and what was still due when the stream broke.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.display.rows import Sight
from dashboard.filters import Filter
from dashboard.live.news import Batch, Begun, Broken, Changed, News, Status
from dashboard.live.reader.log import BYTES, ENTRIES, Log
from dashboard.live.topics import Topic
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import Entry

WAITING, WAITING_BYTES = ENTRIES, BYTES


@dataclass(frozen=True, slots=True)
class View:
    """Which entries a viewer gets, and in what form: as JSON, or (`columns`) as rows of the table."""

    sight: Sight | None = None
    where: Filter | None = None
    columns: tuple[bytes, ...] | None = None

    @property
    def plain(self) -> bool:
        """Everything, as JSON."""
        return self.where is None and self.columns is None

    def keeps(self, entry: Entry) -> bool:
        """Whether the filter lets it through: blind wherever the viewer is."""
        if self.where is None:
            return True
        return bool(self.sight and self.sight.may_read and self.where.keeps(entry, self.sight.mask))


class Feed:
    """Filled by the hub, emptied by `take`. `wake` is called when there is something to take.

    Nothing but statuses and errors is taken before `begin` has said where it begins; what comes meanwhile waits.
    """

    def __init__(
        self, topic: Topic, wake: Callable[[], None], *, limit: int = WAITING, who: str = "", view: View | None = None
    ) -> None:
        self.topic = topic
        self.who = who
        self.view = view or View()
        self.wake = wake
        self._limit = limit
        self._own: deque[Entry | Begun | Broken] = deque()
        self._at_once: dict[type, Status | Changed | StreamError] = {}
        self._log: Log | None = None
        self._at = self._allowed = self._skipped = 0
        self._uncounted = self._begun = self._ahead = False
        self._sent = self._floor = self._bound = MIN

    def bind(self, log: Log, at: int | None = None) -> None:
        """What is new is in this log from now on: after its end, or from a number on."""
        self._log, self._at, self._bound = log, log.end if at is None else at, log.seen

    def begin(self, begun: Begun, earlier: Sequence[Entry] = (), *, broken: Broken | None = None) -> None:
        """Where it begins, and what the stream already holds beyond that. Comes before all that waits."""
        start = earlier[-1].id if earlier else broken.goes_on if broken else begun.after
        self._begin_after(start)
        first: list[Entry | Begun | Broken] = [begun, *([broken] if broken else []), *filter(self.view.keeps, earlier)]
        self._own.extendleft(reversed(first))
        self._begun, self._sent = True, begun.after
        self.wake()

    def begin_at(self, begun: Begun, number: int) -> None:
        """As `begin`, where the log holds all that came since, however much it is."""
        assert self._log is not None
        self._at, self._allowed = number, self._log.end - number
        self.begin(begun)

    def reset(self, broken: Broken, log: Log) -> None:
        """The stream is not the one it was: what was still due comes first, then that, then what is in the new log."""
        due = self._due()
        self._skip_unseen()
        self._own.extend([*due, broken])
        self._bound_own()
        self.bind(log)
        self._floor = max(self._floor, broken.goes_on) if broken.reason == "trimmed" else broken.goes_on
        self._ahead, self._allowed = self._floor > log.seen, 0
        self.wake()

    def review(self, view: View, log: Log) -> None:
        """Other rights: the same place, seen otherwise. What cannot be found again is skipped."""
        self.view = view
        self._own = deque(news for news in self._own if not isinstance(news, Entry) or view.keeps(news))
        place = self._place()
        number = log.after(place)
        if number is None:
            self.skip(0, uncounted=True)
        self.bind(log, log.first if number is None else number)
        self._floor, self._ahead = place, place > log.seen
        self.wake()

    def _place(self) -> StreamId:
        """What comes from the log comes after it."""
        if any(isinstance(news, Broken) for news in self._own):
            return self._floor
        return max(self._sent, self._floor) if self._begun else self._bound

    def skip(self, count: int, *, uncounted: bool = False) -> None:
        """So many entries are left out; `uncounted`: at least."""
        self._skipped += count
        self._uncounted |= uncounted

    def notify(self, news: StreamError | Status | Changed) -> None:
        """Sent at once, before all entries; the latest of its kind only."""
        self._at_once[type(news)] = news
        self.wake()

    def take(self, max_entries: int, max_bytes: int) -> News | None:
        """The next news, at most `max_entries` entries or `max_bytes` of them (one at least); None: nothing waits."""
        if self._at_once:
            return self._at_once.pop(next(iter(self._at_once)))
        if not self._begun:
            return None
        if not self._own:
            return self._from_log(max_entries, max_bytes)
        if isinstance(self._own[0], Entry):
            return self._from_own(max_entries, max_bytes)
        news = self._own.popleft()
        if isinstance(news, Broken):
            self._sent = news.goes_on
        return news  # type: ignore[return-value]

    def _from_own(self, max_entries: int, max_bytes: int) -> Batch:
        items: list[Entry] = []
        while self._own and len(items) < max_entries and max_bytes > 0:
            entry = self._own[0]
            if not isinstance(entry, Entry):
                break
            self._own.popleft()
            items.append(entry)
            max_bytes -= entry.weight
        return self._batch(items, more=bool(self._own) or (self._log is not None and self._at < self._log.end))

    def _from_log(self, max_entries: int, max_bytes: int) -> Batch | None:
        if not self._waiting():
            return None
        assert self._log is not None
        at, log = self._at, self._log
        items = log.slice(at, max_entries, max_bytes)
        self._at += len(items)
        self._allowed = max(0, self._allowed - len(items))
        return self._batch(items, more=self._at < log.end, log=log, at=at)

    def _batch(self, items: Sequence[Entry], *, more: bool, log: Log | None = None, at: int = 0) -> Batch:
        """`more`: something follows at once; else the frame says how far the stream was read."""
        last = items[-1].id
        if not more and self._log:
            last = max(last, self._log.seen)
        prev, self._sent = self._sent, last
        skipped, uncounted, self._skipped, self._uncounted = self._skipped, self._uncounted, 0, False
        return Batch(prev, last, items, skipped, uncounted, log, at)

    def _waiting(self) -> int:
        """Entries in the log that are to be taken; what is beyond the limit is passed by."""
        if self._log is None:
            return 0
        if self._at < self._log.first:
            self._pass_gap(self._log)
        while self._at < self._log.end and self._log.entry(self._at).id <= self._floor:
            self._at += 1
        if self._at < self._log.end:
            self._ahead = False
            newest = self._log.newest(self._limit + self._allowed, WAITING_BYTES)
            self.skip(max(0, newest - self._at))
            self._at = max(self._at, newest)
        return self._log.end - self._at

    def _pass_gap(self, log: Log) -> None:
        """Entries that are not in the log any more: missed, but by those who were ahead of the reader."""
        if self._floor < log.start:
            self.skip(0 if self._ahead else log.first - self._at, uncounted=self._ahead)
        self._at = log.first

    def _skip_unseen(self) -> None:
        """Rows that were still to be drawn never will be."""
        if self._log and self._log.unseen and self._floor < self._log.read:
            self.skip(0 if self._ahead else self._log.unseen, uncounted=self._ahead)

    def _due(self) -> Sequence[Entry]:
        if not self._waiting():
            return ()
        assert self._log is not None
        return self._log.slice(self._at, self._log.end - self._at, WAITING_BYTES)

    def _begin_after(self, start: StreamId) -> None:
        """What is not newer than the start is no news: a viewer may know more than the reader has read."""
        own, self._own = self._own, deque()
        broken = False
        for news in own:
            broken |= isinstance(news, Broken)
            if broken or not isinstance(news, Entry) or news.id > start:
                self._own.append(news)
        if not broken:
            self._floor = start
            self._ahead = start > self._bound

    def _bound_own(self) -> None:
        """The oldest entries go, counted, where too many streams broke since anything was taken."""
        entries = [news for news in self._own if isinstance(news, Entry)]
        weight = sum(entry.weight for entry in entries)
        while len(entries) > 1 and (len(entries) > self._limit or weight > WAITING_BYTES):
            oldest = entries.pop(0)
            self._own.remove(oldest)
            weight -= oldest.weight
            self._skipped += 1
