"""What every process of a service does alike: connect with the right timeouts, stop in order, survive a restart."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, ResponseError, TimeoutError

log = logging.getLogger("scenario")

BLOCK_MS = 2000
"""How long one blocking read waits: finite, so that a stop is noticed and a dead connection found."""
PASSING = (ConnectionError, TimeoutError, ReadOnlyError, OutOfMemoryError)
"""What ends by itself: a restart, a failover, a full memory. Worth waiting for."""
LOST_GROUP = ("NOGROUP", "UNBLOCKED")
"""How Redis says that the group, or its stream, is no longer there."""


def connect(url: str) -> Redis:
    """A client whose reads may block for BLOCK_MS, and which never sends anything twice.

    redis-py 8 repeats commands after a lost reply, writes included, and gives up on a blocking read after 5 s:
    both are set here once. Bytes that are no UTF-8 come and go unharmed.
    """
    return Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="surrogateescape",
        protocol=2,
        socket_timeout=BLOCK_MS / 1000 + 5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )


async def ensure_group(redis: Redis, stream: str, group: str, start: str = "0") -> None:
    """Create group (and the stream) unless it is there. From 0 on it is delivered all that the stream holds."""
    try:
        await redis.xgroup_create(stream, group, id=start, mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


@contextlib.asynccontextmanager
async def stopping() -> AsyncIterator[asyncio.Event]:
    """An event that is set on SIGTERM, on Ctrl-C, and when the process that started us is gone (end of stdin)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = asyncio.create_task(_until_parent_ends(stop))
    try:
        yield stop
    finally:
        parent.cancel()


async def _until_parent_ends(stop: asyncio.Event) -> None:
    if sys.stdin is None or sys.stdin.isatty() or not os.environ.get("SCENARIO_CHILD"):
        return
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    stop.set()


async def sleep(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but not beyond the stop."""
    with contextlib.suppress(asyncio.TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await stop.wait()


async def ticks(stop: asyncio.Event, per_second: float) -> AsyncIterator[None]:
    """So many times a second until the stop. A late tick is caught up with, unless it is more than a second late."""
    due = time.monotonic()
    while not stop.is_set():
        yield
        due = max(due + 1 / per_second, time.monotonic() - 1)
        await sleep(stop, due - time.monotonic())


async def keep_going(stop: asyncio.Event, step: Callable[[], Awaitable[None]]) -> None:
    """Repeat `step` until the stop; while Redis is away, wait a little longer each time."""
    failures = 0
    while not stop.is_set():
        try:
            await step()
            failures = 0
        except PASSING as error:
            failures = min(failures + 1, 6)
            pause = min(5.0, 0.1 * 2**failures) * random.uniform(0.5, 1)
            log.warning("Redis does not answer (%s); next try in %.1f s", error, pause)
            await sleep(stop, pause)
