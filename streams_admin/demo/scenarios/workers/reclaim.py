"""Taking over what a silent colleague left behind: XREADGROUP CLAIM where the server has it, else XAUTOCLAIM."""

from __future__ import annotations

import logging
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams_admin.demo.scenarios.workers.client import LOST_GROUP

log = logging.getLogger("scenario")

Fields = dict[str, str]
Entries = list[tuple[str, Fields]]
"""IDs and fields. The fields are empty when the body was trimmed or deleted while the entry was pending."""


class Reclaim:
    """Reads for one consumer, and takes over what has been idle for `after` seconds; never when that is None."""

    def __init__(self, redis: Redis, stream: str, group: str, name: str, after: float | None) -> None:
        self.redis, self.stream, self.group, self.name = redis, stream, group, name
        self.idle_ms = None if after is None else int(after * 1000)
        self.by_reading = after is not None
        """Whether to ask for abandoned entries together with new ones; given up when the server refuses (before
        Redis 8.4, and Valkey)."""
        self._cursor = "0-0"

    async def read(self, count: int, block_ms: int) -> tuple[Entries, Entries]:
        """New entries, and abandoned ones that came with them. Waits up to `block_ms` for either."""
        if self.by_reading:
            try:
                return self._sorted(await self._read(count, block_ms, claim_min_idle_time=self.idle_ms))
            except ResponseError as error:
                if str(error).startswith(LOST_GROUP):
                    raise
                self.by_reading = False
        found = await self._read(count, block_ms)
        return found, []

    async def _read(self, count: int, block_ms: int, **claim: int | None) -> Any:
        found = await self.redis.xreadgroup(
            self.group, self.name, {self.stream: ">"}, count=count, block=block_ms, **claim
        )
        return found[0][1] if found else []

    def _sorted(self, found: list[tuple[str, Fields, int, int]]) -> tuple[Entries, Entries]:
        """Each entry comes with its idle time and how often it was delivered before: never, when it is new."""
        new = [(id_, fields) for id_, fields, _, before in found if not before]
        abandoned = [(id_, fields) for id_, fields, _, before in found if before]
        return new, abandoned

    async def take(self, count: int) -> Entries:
        """By XAUTOCLAIM, one page at a time: a colleague may take the next, and new entries wait as well.

        A page may be empty although there is more (the server looks at ten times `count` entries): the next call goes
        on from the cursor.
        """
        if self.idle_ms is None or self.by_reading:
            return []
        reply = await self.redis.xautoclaim(
            self.stream, self.group, self.name, self.idle_ms, start_id=self._cursor, count=count
        )
        self._cursor = reply[0]
        taken = [(id_, fields) for id_, fields in reply[1] if id_]  # 6.2 gives nil for a body that is gone
        if taken:
            log.info("%s took over %d entries", self.name, len(taken))
        return taken
