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
from collections.abc import Sequence

from dashboard.live.admission import subscription_quota
from dashboard.live.feed import State, Status
from dashboard.live.reader.scheduler import BLOCK_MS, COUNT, Turns
from dashboard.live.reader.stream import LINGER, Stream
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.links import Tail as Connection
from dashboard.streams.queries import EntryRange, TailRead
from dashboard.streams.queries.steps import STEP
from dashboard.streams.queries.watching import LookAt
from dashboard.streams.snapshots import Entry

log = logging.getLogger(__name__)

LOOKED_AT = STEP // 2
"""Streams looked at with one command each in one round trip: of each comes the first and the last entry."""
LOOK_EVERY = 5.0
"""Seconds between looks at every stream; LOOK_SOON when a read came back full."""
LOOK_SOON = 1.0
PATIENCE = 1.5
"""Seconds beyond the block after which a silent server is called stale."""
GRACE = 0.05
"""Seconds a read may still take when a new stream is watched: whoever watches one after the other holds up nobody."""
FAR = 5000
"""Entries behind after which the reader leaps to the newest COUNT."""
PAUSE = 0.25
LONGEST_PAUSE = 5.0


class Tail:
    """Reads while anybody watches. All calls on one event loop."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.streams: dict[bytes, Stream] = {}
        self.status = Status("live", None)
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._look_at = 0.0
        self._turns = Turns()

    def stream(self, key: bytes) -> Stream:
        """The watched stream, watched from now on if it was not. Where many are, those that linger make room for it."""
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
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Until nobody watches any more: connect, follow, and connect again."""
        pause = PAUSE
        while self.streams:
            try:
                async with self.server.tail(BLOCK_MS) as connection:
                    await self._look(absent=True)
                    pause = PAUSE
                    await self._follow(connection)
            except StreamError as error:
                self._say("reconnecting", error.message)
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception:
                log.exception("The tail of %s failed and goes on in %.0f s", self.server.name, LONGEST_PAUSE)
                self._say("reconnecting", "The reader failed; see the log.")
                await asyncio.sleep(LONGEST_PAUSE)

    async def _follow(self, connection: Connection) -> None:
        """Read until a new stream interrupts, or nobody watches."""
        while self.streams:
            if self._wanted.is_set() or time.monotonic() >= self._look_at:
                await self._look(absent=False)
            if not await self._read(connection):
                return

    async def _look(self, *, absent: bool) -> None:
        """Ask for every stream whether it is still the one it was, and where a new one ends."""
        self._wanted.clear()
        self._leave_deserted()
        looked = tuple(self.streams.values())
        for at in range(0, len(looked), LOOKED_AT):
            await self._look_at_some(looked[at : at + LOOKED_AT], absent=absent)
        self._look_at = time.monotonic() + LOOK_EVERY
        self._say("live")

    async def _look_at_some(self, looked: Sequence[Stream], *, absent: bool) -> None:
        sighting = await self.server.arun(LookAt(tuple(stream.key for stream in looked)))
        for stream in looked:
            behind = stream.looked(sighting.streams[stream.key], sighting.run_id, absent=absent)
            if behind > FAR and stream.cursor:
                await self._leap(stream, stream.cursor.at, behind)

    def _leave_deserted(self, linger: float = LINGER) -> None:
        self.streams = {key: stream for key, stream in self.streams.items() if not stream.deserted(linger)}

    async def _leap(self, stream: Stream, after: StreamId, behind: int) -> None:
        newest = await self.server.arun(EntryRange(stream.key, after.next(), newest_first=True, limit=COUNT))
        stream.leap(newest.items[::-1], behind - len(newest.items))

    async def _read(self, connection: Connection) -> bool:
        """One XREAD. False when it was interrupted: then the connection is closed."""
        following = [(s.key, s.cursor.at) for s in self.streams.values() if s.cursor and not s.trouble]
        if not following:
            await self._idle()
            return True
        asked = self._turns.next(following)
        found = await self._interruptible(connection, asked)
        if found is None:
            return False
        self._say("live")
        for key, entries in found.items():
            if key in self.streams:
                self.streams[key].read(entries)
        rest = self._turns.took(asked, found)
        if self._turns.flooded:
            self._look_at = min(self._look_at, time.monotonic() + LOOK_SOON)
        if rest:
            await asyncio.sleep(rest)
        return True

    async def _interruptible(self, connection: Connection, read: TailRead) -> dict[bytes, tuple[Entry, ...]] | None:
        """None when a new stream came first."""
        reading = asyncio.ensure_future(connection.run(read))
        wanted = asyncio.ensure_future(self._wanted.wait())
        try:
            done, _ = await asyncio.wait(
                {reading, wanted}, timeout=read.block_ms / 1000 + PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                self._say("stale", "The server has not answered for some seconds.")
                await asyncio.wait({reading, wanted}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({reading}, timeout=GRACE)
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()
            wanted.cancel()
            await asyncio.gather(reading, wanted, return_exceptions=True)

    async def _idle(self) -> None:
        """Nothing can be read now: wait for the next look, or for a new stream."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), max(0.0, self._look_at - time.monotonic()))

    def _say(self, state: State, reason: str = "") -> None:
        """Told when it changes."""
        before, self.status = self.status, self.status.then(state, reason)
        if (state, reason) != (before.state, before.reason):
            for stream in self.streams.values():
                stream.tell(self.status)
