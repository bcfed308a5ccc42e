"""One blocking reader per server for all watched streams, on a connection of its own.

It reads on after the last ID it has seen, also after a reconnect, so nothing is lost that the stream still holds. A
stream that is newly watched interrupts the running block: the connection is closed and opened again, a matter of
milliseconds, and XREAD takes nothing away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from dashboard.background import cancelled
from dashboard.live.admission import subscription_quota
from dashboard.live.news import State, Status
from dashboard.live.reader.scheduler import BLOCK_MS, COUNT, ReadScheduler
from dashboard.live.reader.stream import LINGER, Stream
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Batch, Server
from dashboard.streams.queries import EntryRange, TailRead
from dashboard.streams.queries.steps import STEP
from dashboard.streams.queries.watching import ObserveStreams

log = logging.getLogger(__name__)

CHECK_BATCH = STEP // 2
"""Streams checked with one command each in one round trip: of each comes the first and the last entry."""
CHECK_EVERY = 5.0
"""Seconds between checks of every stream; CHECK_SOON when a read came back full."""
CHECK_SOON = 1.0
STALE_AFTER = 1.5
"""Seconds beyond the block after which a silent server is called stale."""
GRACE = 0.05
"""Seconds a read may still take when a new stream is watched: whoever watches one after the other holds up nobody."""
SKIP_BEYOND = 5000
"""Entries behind after which the reader leaps to the newest COUNT."""
RETRY_DELAY = 0.25
MAX_RETRY_DELAY = 5.0


class Tail:
    """Reads while anybody watches. All calls on one event loop."""

    def __init__(self, server: Server, deliver: Callable[[], Awaitable[int]]) -> None:
        """`deliver`: sends viewers what is new; the number of frames."""
        self.server = server
        self._deliver = deliver
        self.streams: dict[bytes, Stream] = {}
        self.status = Status("live", None)
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.rest = 0.0
        """Seconds between its last two reads, so that many viewers get batches."""
        self._next_check = 0.0
        self._scheduler = ReadScheduler()
        self._fresh: set[Stream] = set()
        self._next_read = TailRead((), 0, 1)

    def stream(self, key: bytes) -> Stream:
        """The watched stream, watched from now on if it was not. Where many are, those that linger are left for it."""
        if key not in self.streams:
            if len(self.streams) >= subscription_quota.STREAMS:
                self._leave_deserted(linger=0)
            self.streams[key] = Stream(self.server, key)
            self._wanted.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"tail of {self.server.name}")
        return self.streams[key]

    async def close(self) -> None:
        if self._task:
            await cancelled(self._task)

    async def _run(self) -> None:
        """Until nobody watches any more: connect, follow, and connect again."""
        pause = RETRY_DELAY
        while self.streams:
            try:
                async with aclosing(self.server.link.follow(lambda: self._next_read, BLOCK_MS)) as batches:
                    await self._check(absent=True)
                    pause = RETRY_DELAY
                    await self._follow(batches)
            except StreamError as error:
                self._set_status("reconnecting", error.message)
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))
                pause = min(pause * 2, MAX_RETRY_DELAY)
            except Exception:
                log.exception("The tail of %s failed; retrying in %.0f s", self.server.name, MAX_RETRY_DELAY)
                self._set_status("reconnecting", "The reader failed; see the log.")
                await asyncio.sleep(MAX_RETRY_DELAY)

    async def _follow(self, batches: AsyncGenerator[Batch]) -> None:
        """Read until a new stream interrupts, or nobody watches."""
        try:
            while self.streams:
                if self._wanted.is_set() or time.monotonic() >= self._next_check:
                    await self._check(absent=False)
                if not await self._read(batches):
                    return
        finally:
            self._wake()

    def _wake(self) -> None:
        """Viewers get what was read since they were woken last."""
        for stream in self._fresh:
            stream.wake()
        self._fresh.clear()

    async def _check(self, *, absent: bool) -> None:
        """Ask for every stream whether it is still the one it was, and where a new one ends."""
        self._wanted.clear()
        self._leave_deserted()
        streams = tuple(self.streams.values())
        for at in range(0, len(streams), CHECK_BATCH):
            await self._check_some(streams[at : at + CHECK_BATCH], absent=absent)
        self._next_check = time.monotonic() + CHECK_EVERY
        self._set_status("live")

    async def _check_some(self, streams: Sequence[Stream], *, absent: bool) -> None:
        observed = await self.server.arun(ObserveStreams(tuple(stream.key for stream in streams)))
        for stream in streams:
            found = observed.streams[stream.key]
            behind = stream.checked(found, observed.run_id, absent=absent)
            if behind > SKIP_BEYOND and stream.cursor and not isinstance(found, StreamError):
                await self._skip_ahead(stream, stream.cursor.at, found.last_generated_id, behind)

    def _leave_deserted(self, linger: float = LINGER) -> None:
        self.streams = {key: stream for key, stream in self.streams.items() if not stream.deserted(linger)}

    async def _skip_ahead(self, stream: Stream, after: StreamId, upto: StreamId, behind: int) -> None:
        newest = await self.server.arun(EntryRange(stream.key, after.next(), upto, newest_first=True, limit=COUNT))
        await stream.skip_ahead(newest.items[::-1], behind - len(newest.items))

    async def _read(self, batches: AsyncGenerator[Batch]) -> bool:
        """One batch. False when it was interrupted: then the connection is closed."""
        following = [(s.key, s.cursor.at) for s in self.streams.values() if s.cursor and not s.trouble]
        if not following:
            await self._idle()
            return True
        self._next_read = self._scheduler.next(following)
        came = await self._interruptible(batches)
        if came is None:
            return False
        self._set_status("live")
        for key, entries in came.items():
            if key in self.streams:
                await self.streams[key].read(entries)
                self._fresh.add(self.streams[key])
        backoff = self._scheduler.record(self._next_read, came)
        if self._fresh and not self._scheduler.reads_on:
            self._wake()
            backoff = max(backoff, self._scheduler.rest(await self._deliver()))
        if self._scheduler.flooded:
            self._next_check = min(self._next_check, time.monotonic() + CHECK_SOON)
        self.rest = backoff
        if backoff:
            await asyncio.sleep(backoff)
        return True

    async def _interruptible(self, batches: AsyncGenerator[Batch]) -> Batch | None:
        """None when a new stream came first."""
        reading = asyncio.ensure_future(anext(batches))
        wanted = asyncio.ensure_future(self._wanted.wait())
        try:
            stale = self._next_read.block_ms / 1000 + STALE_AFTER
            done, _ = await asyncio.wait({reading, wanted}, timeout=stale, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                self._set_status("stale", "The server has not answered for some seconds.")
                await asyncio.wait({reading, wanted}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({reading}, timeout=GRACE)
            return reading.result() if reading.done() else None
        finally:
            await cancelled(reading, wanted)

    async def _idle(self) -> None:
        """Nothing can be read now: wait for the next look, or for a new stream."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._next_check - time.monotonic())):
                await self._wanted.wait()

    def _set_status(self, state: State, reason: str = "") -> None:
        """Told when it changes."""
        before, self.status = self.status, self.status.then(state, reason)
        if (state, reason) != (before.state, before.reason):
            for stream in self.streams.values():
                stream.notify(self.status)
