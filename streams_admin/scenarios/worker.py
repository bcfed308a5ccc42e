"""A consumer of a group, as a team would write it once and use for every stream.

It reads new entries, looks after its own pending list (what it took before a crash, and what others claimed for it),
takes over what a silent colleague left behind, and puts aside what fails again and again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from streams_admin.scenarios.client import BLOCK_MS, keep_going

log = logging.getLogger("scenario")

Fields = dict[str, str]
Handler = Callable[[str, Fields], Awaitable[None]]
"""Does the work for one entry and acknowledges it, in one atomic step where it can. Raises when it fails."""


@dataclass(frozen=True)
class Habits:
    """How a worker works. Times in seconds."""

    batch: int = 10
    together: int = 1
    """How many entries of a batch are handled at the same time."""
    look_back_every: float = 5.0
    """How often it reads its own pending list. Without this, claimed entries are never seen."""
    reclaim_after: float | None = None
    """Take over what has been idle this long at others; None leaves that to people."""
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
        self._looked_back = 0.0
        self._started = time.monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Until the stop. What is in hand then is finished; nothing is left pending by an orderly end."""
        await keep_going(stop, lambda: self._step(stop))

    async def _step(self, stop: asyncio.Event) -> None:
        if self._due_to_crash():
            await self._crash(stop)
        if time.monotonic() - self._looked_back >= self.habits.look_back_every:
            await self._look_back(stop)
        await self._work(await self._read(">", BLOCK_MS))

    async def _read(self, start: str, block_ms: int | None, count: int | None = None) -> list[tuple[str, Fields]]:
        found = await self.redis.xreadgroup(
            self.group, self.name, {self.stream: start}, count=count or self.habits.batch, block=block_ms
        )
        return found[0][1] if found else []

    async def _work(self, entries: list[tuple[str, Fields]]) -> None:
        """Handle a batch, `together` at a time. A failure leaves its entry pending and does not stop the others."""
        limit = asyncio.Semaphore(self.habits.together)
        await asyncio.gather(*(self._one(limit, id_, fields) for id_, fields in entries))

    async def _one(self, limit: asyncio.Semaphore, id_: str, fields: Fields | None) -> None:
        async with limit:
            if not fields:  # trimmed or deleted while pending: there is nothing left to do
                await self.redis.xack(self.stream, self.group, id_)
                return
            try:
                await self.handle(id_, fields)
            except ValueError as error:
                log.warning("%s could not handle %s: %s", self.name, id_, error)

    async def _look_back(self, stop: asyncio.Event) -> None:
        """Own pending entries, colleagues' abandoned ones, hopeless ones."""
        if self.habits.reclaim_after is not None:
            await self._reclaim()
        await self._put_aside_hopeless()
        after = "0"
        while not stop.is_set() and (entries := await self._read(after, None)):
            await self._work(entries)
            after = entries[-1][0]
        self._looked_back = time.monotonic()

    async def _reclaim(self) -> None:
        idle_ms = int((self.habits.reclaim_after or 0) * 1000)
        cursor = "0-0"
        while True:
            reply = await self.redis.xautoclaim(
                self.stream, self.group, self.name, idle_ms, start_id=cursor, count=self.habits.batch
            )
            cursor = reply[0]
            if reply[1]:
                log.info("%s took over %d entries", self.name, len(reply[1]))
            if cursor == "0-0" or reply[1]:
                return

    async def _put_aside_hopeless(self) -> None:
        """Move own entries that were delivered too often to the dead-letter stream: copy first, then acknowledge."""
        pending = await self.redis.xpending_range(self.stream, self.group, "-", "+", 100, self.name)
        for row in pending:
            if row["times_delivered"] >= self.habits.give_up_after:
                await self._put_aside(row["message_id"], row["times_delivered"])

    async def _put_aside(self, id_: str, deliveries: int) -> None:
        found = await self.redis.xrange(self.stream, id_, id_)
        async with self.redis.pipeline(transaction=True) as pipe:
            if found:
                origin = {"origin_stream": self.stream, "origin_id": id_, "origin_group": self.group}
                pipe.xadd(f"{self.stream}:dlq", {**found[0][1], **origin, "deliveries": str(deliveries)})
            pipe.xack(self.stream, self.group, id_)
            await pipe.execute()
        log.info("%s put %s aside after %d deliveries", self.name, id_, deliveries)

    def _due_to_crash(self) -> bool:
        crash_after = self.habits.crash_after
        return crash_after is not None and time.monotonic() - self._started >= crash_after

    async def _crash(self, stop: asyncio.Event) -> None:
        """Take a batch and die with it in hand, as an out-of-memory kill does."""
        held = 0
        while held < self.habits.crash_holding and not stop.is_set():
            held += len(await self._read(">", BLOCK_MS, self.habits.crash_holding - held))
        log.warning("%s is killed with %d entries in hand", self.name, held)
        os.kill(os.getpid(), signal.SIGKILL)
