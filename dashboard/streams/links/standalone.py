"""One node behind one URL. A node in cluster mode is served too, as far as one node goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from redis.crc import key_slot

from dashboard.streams.config import ServerConfig
from dashboard.streams.errors import PrimaryChanged
from dashboard.streams.links import deadlines, raw
from dashboard.streams.links.base import Batch, Link
from dashboard.streams.links.breaker import Breaker
from dashboard.streams.links.clients import async_client, sync_client
from dashboard.streams.links.pending_reply import SentCommands
from dashboard.streams.links.runner import arun
from dashboard.streams.links.translation import Tally, translate
from dashboard.streams.links.writing.writer import Writer
from dashboard.streams.queries import Command, ScanStreams, TailRead
from dashboard.streams.replies import Reply
from dashboard.streams.snapshots import ServerFacts

POLL = 0.25
"""Seconds between two reads that cannot block, because their keys lie in several slots."""


class Standalone(Link):
    """Sync and async reader with `url`, a connection per `follow`, and the writer with `admin_url`."""

    def __init__(self, config: ServerConfig) -> None:
        self._url = config.url
        self._by_slot = False
        self.breaker = Breaker()
        self.tally = Tally()
        self.writer = Writer(config.admin_url or config.url, self.breaker, self.tally)
        self._reader = sync_client(config.url, deadlines.READ_TIMEOUT)
        self._async_readers: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        if not commands:
            return []
        deadlines.do_before()
        self._admit()
        try:
            pipe = self._reader.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            replies = pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            raise self.breaker.failed(translate(error)) from error
        return self._answered(replies)

    async def aexchange(self, commands: Sequence[Command]) -> list[Reply]:
        if not commands:
            return []
        async with self._answering() as connection:
            found = await raw.replies(connection, commands)
        return self._noted(found)

    async def unparsed(self, batches: Sequence[bytes]) -> list[bytes]:
        async with self._answering() as connection:
            return await raw.unparsed(connection, batches)

    def send(self, commands: Sequence[Command]) -> SentCommands:
        self._admit()
        return SentCommands(self._reader.connection_pool, self.breaker, commands, self.tally)

    async def follow(self, next_read: Callable[[], TailRead], block_ms: int) -> AsyncGenerator[Batch]:
        async with _connection(self._url, block_ms) as client:
            while True:
                yield await self._read(client, next_read())

    async def scan(self, cursor: int) -> tuple[int, tuple[bytes, ...]]:
        return await arun(self, ScanStreams(cursor))

    def learned(self, facts: ServerFacts) -> None:
        self._by_slot = facts.topology == "cluster"

    def partitions(self, keys: Iterable[bytes]) -> list[tuple[bytes, ...]]:
        groups: dict[int, list[bytes]] = {}
        for key in keys:
            groups.setdefault(key_slot(key) if self._by_slot else 0, []).append(key)
        return [tuple(group) for group in groups.values()]

    async def _read(self, client: redis.asyncio.Redis, read: TailRead) -> Batch:
        parts = self.partitions(read.keys)
        if len(parts) <= 1:
            return await self._read_one(client, read)
        found: Batch = {}
        for part in read.split(parts):
            found |= await self._read_one(client, part)
        if not found and read.block_ms:
            await asyncio.sleep(min(POLL, read.block_ms / 1000))
        return found

    async def _read_one(self, client: redis.asyncio.Redis, read: TailRead) -> Batch:
        try:
            replies = [await client.execute_command(*command) for command in read.build()]
        except (redis.RedisError, OSError) as error:
            trouble = translate(error)
            if isinstance(trouble, PrimaryChanged):
                self.breaker.role_changed()
            raise trouble from error
        return read.parse(replies)

    def _admit(self) -> None:
        """Raises Unreachable when nothing may be sent now."""
        self.breaker.check()
        deadlines.check()

    def _answered(self, replies: Sequence[Any]) -> list[Reply]:
        self.breaker.answered()
        return self._noted(replies)

    def _noted(self, replies: Sequence[Any]) -> list[Reply]:
        answers = _ours(replies)
        self.tally.note(answers)
        return answers

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[Any]:
        """A connection for one exchange on this loop. Raises StreamError."""
        self._admit()
        try:
            async with raw.borrowed(self._loop_client().connection_pool) as connection:
                yield connection
        except (redis.RedisError, OSError) as error:
            raise self.breaker.failed(translate(error)) from error
        self.breaker.answered()

    def _loop_client(self) -> redis.asyncio.Redis:
        loop = asyncio.get_running_loop()
        if loop not in self._async_readers:
            self._async_readers[loop] = async_client(self._url, deadlines.READ_TIMEOUT, connections=8)
        return self._async_readers[loop]

    async def aclose(self) -> None:
        client = self._async_readers.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await _closed(client)

    def close(self) -> None:
        self._reader.connection_pool.disconnect()
        self.writer.close()


def _ours(replies: Sequence[Any]) -> list[Reply]:
    return [translate(reply) if isinstance(reply, Exception) else reply for reply in replies]


@asynccontextmanager
async def _connection(url: str, block_ms: int) -> AsyncGenerator[redis.asyncio.Redis]:
    """A connection of its own, closed at the end, also when cancelled."""
    client = async_client(url, block_ms / 1000 + 5, connections=1)
    try:
        yield client
    finally:
        await _closed(client)


async def _closed(client: redis.asyncio.Redis) -> None:
    await client.aclose()
    await client.connection_pool.disconnect()
