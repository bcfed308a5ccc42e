"""A consumer of a group, as a team would write it once and use for every stream.

It reads new entries, looks after its own pending list (what it took before a crash, and what others claimed for it),
takes over what a silent colleague left behind, and puts aside what fails again and again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from streams_admin.demo.scenarios.workers import crash
from streams_admin.demo.scenarios.workers.client import BLOCK_MS, LOST_GROUP, ensure_group, keep_going
from streams_admin.demo.scenarios.workers.deadletters import DeadLetters
from streams_admin.demo.scenarios.workers.reclaim import Entries, Fields, Reclaim

log = logging.getLogger("scenario")

Handler = Callable[[str, Fields], Awaitable[None]]
"""Does the work for one entry and acknowledges it, in one atomic step where it can. Raises when it fails."""


@dataclass(frozen=True)
class Habits:
    """How a worker works. Times in seconds."""

    batch: int = 10
    together: int = 1
    """How many entries of a batch are handled at the same time."""
    look_back_every: float = 1.5
    """How often it reads its own pending list, also while new entries come. Without this, claimed ones are never seen.
    Keep it well above the time a batch takes."""
    reclaim_after: float | None = None
    """Take over what has been idle this long at others; None leaves that to people. Keep it well above the time a
    batch takes, or what a colleague has in hand is taken from it."""
    give_up_after: int = 5
    """Deliveries after which an entry goes to the dead-letter stream."""
    crash_after: float | None = None
    """Kill the process after this many seconds, with `crash_holding` entries in hand."""
    crash_holding: int = 12


class Worker:
    def __init__(
        self, redis: Redis, *, stream: str, group: str, name: str, handle: Handler, habits: Habits | None = None
    ) -> None:
        self.redis, self.stream, self.group, self.name = redis, stream, group, name
        self.handle, self.habits = handle, habits or Habits()
        self._reclaim = Reclaim(redis, stream, group, name, self.habits.reclaim_after)
        self._dead_letters = DeadLetters(redis, stream, group, self.habits.give_up_after)
        self._crash = crash.Crash(self.habits.crash_after, self.habits.crash_holding)
        self._look_back_at = 0.0
        self._has_group = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until the stop. What is in hand then is finished; nothing but failures is left pending by an orderly end."""
        await keep_going(stop, lambda: self._turn(stop))

    async def _turn(self, stop: asyncio.Event) -> None:
        """One step; a group that is not there (first start, a server that came back empty) is created.

        At the start without asking: a read that names a group too early is an error that watchers of the server see.
        """
        try:
            if not self._has_group:
                await ensure_group(self.redis, self.stream, self.group)
                self._has_group = True
            await self._step(stop)
        except ResponseError as error:
            if not str(error).startswith(LOST_GROUP):
                raise
            self._has_group = False

    async def _step(self, stop: asyncio.Event) -> None:
        if self._crash.due():
            await self._crash.with_work_in_hand(self.name, self._grab, stop)
        if time.monotonic() >= self._look_back_at:
            await self._look_back(stop)
        await self._work(await self._read_new(self.habits.batch))

    async def _read_new(self, count: int) -> Entries:
        """Wait for new entries, but not beyond the next look back. Never BLOCK 0: that would be for ever."""
        left = int((self._look_back_at - time.monotonic()) * 1000)
        block = max(1, min(BLOCK_MS, left))
        new, abandoned = await self._reclaim.read(count, block)
        await self._again(abandoned)
        return new

    async def _grab(self, count: int) -> Entries:
        new, abandoned = await self._reclaim.read(count, BLOCK_MS)
        return new + abandoned

    async def _look_back(self, stop: asyncio.Event) -> None:
        """Own pending entries first, then what colleagues abandoned; at once again while there is more of that."""
        await self._own(stop)
        abandoned = await self._reclaim.take(self.habits.batch)
        await self._again(abandoned)
        self._look_back_at = 0.0 if abandoned else time.monotonic() + self.habits.look_back_every

    async def _own(self, stop: asyncio.Event) -> None:
        """XREADGROUP with an ID instead of `>`: what was delivered to us and not acknowledged, page by page."""
        after = "0"
        while not stop.is_set():
            found = await self.redis.xreadgroup(self.group, self.name, {self.stream: after}, count=self.habits.batch)
            if not (entries := found[0][1] if found else []):
                return
            await self._again(entries)
            after = entries[-1][0]

    async def _again(self, entries: Entries) -> None:
        """Another try, except for what had enough of them: that may be what killed the one who had it before us."""
        hopeless = await self._dead_letters.put_aside(self.name, [id_ for id_, _ in entries])
        await self._work([entry for entry in entries if entry[0] not in hopeless])

    async def _work(self, entries: Entries) -> None:
        """Handle a batch, `together` at a time. A failure leaves its entry pending and does not stop the others."""
        limit = asyncio.Semaphore(self.habits.together)
        done = await asyncio.gather(*(self._one(limit, *entry) for entry in entries), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException):
                raise error

    async def _one(self, limit: asyncio.Semaphore, id_: str, fields: Fields | None) -> None:
        async with limit:
            if not fields:  # trimmed or deleted while pending: there is nothing left to do
                await self.redis.xack(self.stream, self.group, id_)
                return
            try:
                await self.handle(id_, fields)
            except RedisError:
                raise
            except Exception as error:  # whatever is wrong with one entry, the next is not to blame
                log.warning("%s could not handle %s: %r", self.name, id_, error)
