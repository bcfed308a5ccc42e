"""One watched stream: where the reader is, the log of what it read last, and who wants its news."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashboard.live import fragments
from dashboard.live.feed import Feed, View
from dashboard.live.news import Begun, Broken, Status
from dashboard.live.parts import Part
from dashboard.live.reader import cursor as cursors
from dashboard.live.reader.cursor import Cursor, Reason, Reset
from dashboard.live.reader.log import Log
from dashboard.live.reader.rows import Rows
from dashboard.live.resume import Earlier, earlier
from dashboard.streams.errors import Gone, StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.snapshots import Entry, StreamFacts

LINGER = 60.0
"""Seconds a stream is read on after its last viewer left: a page that is opened next goes on without a gap. One that
does not exist is left at once."""


TURN_BYTES = 64 * 2**10
"""What a filter looks into at a time, before other work has its turn."""
FILTER_SECONDS = 0.1
"""What all filters of one read may take of the processor, so that nobody's filters keep all others waiting. When it is
used up, the read is left out for the filters that have not had their turn, and all but its newest entries for the one
that has it; both are counted."""


@dataclass(frozen=True, slots=True)
class StartAt:
    """Where a viewer wants to begin: after an ID, or (None) with what comes next. `epoch`: what it got before."""

    after: StreamId | None = None
    epoch: str = ""


class Stream:
    """Belongs to one tail. `cursor` is None until the server has said where the stream ends."""

    def __init__(self, server: Server, key: bytes) -> None:
        self.server = server
        self.key = key
        self.cursor: Cursor | None = None
        self.log = Log(MIN)
        self._views: dict[View, Log] = {}
        self.trouble: StreamError | None = None
        self._exists = False
        self.epoch = secrets.token_urlsafe(9)
        self.past: dict[str, Reason] = {}
        self._feeds: dict[Feed, StartAt | None] = {}
        self._left = time.monotonic()

    def attach(self, feed: Feed, start_at: StartAt) -> None:
        """The feed begins as soon as the position is known."""
        known = (view for view in self._views if view == feed.view)
        feed.view = next(known, feed.view)  # views are compared often: equal ones are one object
        self._feeds[feed] = start_at
        if self.trouble:
            feed.notify(self.trouble)
        self._begin_waiting()

    def detach(self, feed: Feed) -> None:
        self._feeds.pop(feed, None)
        self._left = time.monotonic()
        if not any(other.view == feed.view for other in self._feeds):
            self._close(self._views.pop(feed.view, None))

    def review(self, feed: Feed, view: View) -> None:
        """The rights of a viewer have changed: it goes on where it is, and sees what it may see now."""
        if feed in self._feeds:
            start_at = self._feeds[feed]
            self.detach(feed)
            self._feeds[feed] = start_at
            feed.review(view, self._log_of(view))

    def deserted(self, linger: float = LINGER) -> bool:
        """Nobody watches, and nobody has for a while if there was something to see."""
        return not self._feeds and (not self._exists or time.monotonic() - self._left >= linger)

    def notify(self, status: Status) -> None:
        for feed in self._feeds:
            feed.notify(status)

    def checked(self, found: StreamFacts | StreamError, run_id: str, *, absent: bool) -> int:
        """Take in what XINFO STREAM says; how many entries are waiting to be read."""
        self._exists = not isinstance(found, StreamError)
        if isinstance(found, StreamError) and not isinstance(found, Gone):
            self._in_trouble(found)
            return 0
        self.trouble = None
        if self.cursor is None:
            self._place(cursors.start(found, run_id))
        elif reset := cursors.judge(self.cursor, found, run_id, absent=absent):
            self._reset(reset)
        self._begin_waiting()
        return 0 if isinstance(found, Gone) else self._sync(found, run_id)

    async def read(self, entries: Sequence[Entry]) -> None:
        """What XREAD gave after the cursor. Viewers learn of it by `wake`, when no more is to be read at once."""
        if not entries or self.cursor is None:
            return
        added = None if self.cursor.added is None else self.cursor.added + len(entries)
        self.cursor = Cursor(entries[-1].id, added, self.cursor.run_id)
        self.log.append(entries)
        for view, log in self._views.items():
            if view.where is None:
                log.append(entries)
        await self._filter_all(entries)

    async def _filter_all(self, entries: Sequence[Entry]) -> None:
        """The view that was first comes last the next time."""
        filtered = [(view, log) for view, log in self._views.items() if view.where is not None]
        left = FILTER_SECONDS
        for view, log in filtered:
            if left > 0:
                left -= await self._filter(view, log, entries, left)
            else:
                log.leap(entries[-1].id, len(entries))
        for view, log in filtered[:1]:
            if self._views.get(view) is log:
                self._views[view] = self._views.pop(view)

    async def _filter(self, view: View, log: Log, entries: Sequence[Entry], left: float) -> float:
        """The seconds it took. Other work has its turn between. The last viewer of the log may leave then.

        When no time is left, the newest are still looked into, and what comes before them is left out.
        """
        taken, missed = 0.0, 0
        for some in turns(entries):
            if taken >= left and some[-1] is not entries[-1]:
                missed += len(some)
                continue
            began = time.thread_time()
            if self._views.get(view) is log:
                if missed:
                    log.leap(some[0].id.prev(), missed)
                log.append(some)
            taken += time.thread_time() - began
            await asyncio.sleep(0)
        return taken

    def wake(self) -> None:
        """There is something new for all viewers."""
        for feed in self._feeds:
            feed.wake()

    async def skip_ahead(self, newest: Sequence[Entry], skipped: int) -> None:
        """Too far behind to read all: go on with the newest, and count the rest."""
        if not newest or self.cursor is None:
            return
        added = None if self.cursor.added is None else self.cursor.added + skipped
        self.cursor = Cursor(newest[0].id.prev(), added, self.cursor.run_id)
        for log in (self.log, *self._views.values()):
            log.leap(self.cursor.at, skipped)
        await self.read(newest)
        self.wake()

    def _sync(self, found: StreamFacts, run_id: str) -> int:
        assert self.cursor is not None
        self.cursor = cursors.synced(self.cursor, found, run_id)
        return cursors.behind(self.cursor, found)

    def _place(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.log = Log(cursor.at)
        before, self._views = self._views, {}
        for view, log in before.items():
            self._close(log)
            self._log_of(view)

    def _in_trouble(self, trouble: StreamError) -> None:
        if self.trouble is None:
            for feed in self._feeds:
                feed.notify(trouble)
        self.trouble = trouble

    def _reset(self, reset: Reset) -> None:
        if reset.reason != "trimmed":
            self.past[self.epoch] = reset.reason
            self.epoch = secrets.token_urlsafe(9)
        self._place(reset.goes_on)
        for feed in self._feeds:
            broken = Broken(reset.reason, reset.lost, self.epoch, reset.goes_on.at)
            feed.reset(broken, self._log_of(feed.view))

    def _begin_waiting(self) -> None:
        if self.cursor is None:
            return
        for feed, start_at in self._feeds.items():
            if start_at is not None:
                self._feeds[feed] = None
                self._begin(feed, start_at, self.cursor.at)

    def _begin(self, feed: Feed, start_at: StartAt, upto: StreamId) -> None:
        log = self._log_of(feed.view)
        feed.bind(log)
        if start_at.after is None:
            feed.begin(Begun(upto, self.epoch))
            return
        begun, same = Begun(start_at.after, self.epoch), self._same(start_at)
        if same and (number := log.after(start_at.after)) is not None:
            feed.begin_at(begun, number)
        elif same and (known := self.log.since(start_at.after)) is not None:
            feed.begin(begun, known)
        else:
            earlier(self, feed, Earlier(start_at.after, upto, self.past.get(start_at.epoch), self.epoch))

    def _same(self, start_at: StartAt) -> bool:
        """Whether the viewer's ID is of this very stream, as far as we know without asking."""
        if start_at.after is None:
            return True
        return start_at.epoch == self.epoch or (start_at.epoch not in self.past and self.log.holds(start_at.after))

    def _log_of(self, view: View) -> Log:
        """What is kept for all who look at it like that."""
        if view.plain:
            return self.log
        if view not in self._views:
            self._views[view] = self._rows(view) if view.columns is not None else Log(self.log.seen, view.keeps)
        return self._views[view]

    def _rows(self, view: View) -> Rows:
        sight, columns = view.sight, view.columns
        assert sight is not None
        assert columns is not None

        async def draw(entries: Sequence[Entry]) -> list[Part]:
            return await fragments.entry_rows(entries, self.server, self.key, sight, columns)

        def wake() -> None:
            for feed in self._feeds:
                if feed.view == view:
                    feed.wake()

        return Rows(self.log.seen, view.keeps, sight, draw, wake)

    @staticmethod
    def _close(log: Log | None) -> None:
        if isinstance(log, Rows):
            log.close()


def turns(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Entries in parts that a filter looks into within some milliseconds each."""
    start = weight = 0
    for end, entry in enumerate(entries, 1):
        weight += entry.weight
        if weight >= TURN_BYTES or end == len(entries):
            yield entries[start:end]
            start, weight = end, 0
