"""Reading a stream without a group: everybody sees everything, nobody's position moves, nothing becomes pending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from streams_admin.demo.scenarios.workers.client import BLOCK_MS
from streams_admin.demo.scenarios.workers.reclaim import Fields

Found = list[tuple[str, Fields]]
PAGE = 500


async def latest(redis: Redis, stream: str, count: int) -> Found:
    """XREVRANGE: the newest entries, newest first."""
    found: Found = await redis.xrevrange(stream, count=count)
    return found


async def since(redis: Redis, stream: str, *, seconds: float) -> Found:
    """XRANGE: the entries of the last so many seconds, oldest first, fetched page by page.

    A bare number of milliseconds is an ID; `(` leaves the ID itself out (Redis 6.2).
    """
    start = str(int((time.time() - seconds) * 1000))
    found: Found = []
    while page := await redis.xrange(stream, min=start, count=PAGE):
        found += page
        start = f"({page[-1][0]}"
    return found


async def follow(redis: Redis, stream: str, stop: asyncio.Event) -> AsyncIterator[tuple[str, Fields]]:
    """XREAD BLOCK: every entry from now on.

    `$` stands for “what is newest at this moment”. Sent again after a read that timed out, it would skip what came in
    between; so it is sent once, and after that an ID: the last one seen, or the one that was newest at the start.
    """
    newest = await latest(redis, stream, 1)
    after, then = "$", newest[0][0] if newest else "0-0"
    while not stop.is_set():
        found = await redis.xread({stream: after}, count=100, block=BLOCK_MS)
        for id_, fields in found[0][1] if found else []:
            then = id_
            yield id_, fields
        after = then
