"""A watched server, and what asks it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import redis
import redis.asyncio

from dashboard.streams.capabilities import PROBE, Capabilities, parse_probe
from dashboard.streams.config import ServerConfig
from dashboard.streams.errors import StreamError, Unreachable
from dashboard.streams.links import deadlines
from dashboard.streams.links.clients import async_client, read_reply, sync_client
from dashboard.streams.links.deadlines import deadline_passed
from dashboard.streams.links.translation import translate
from dashboard.streams.links.writer import Writer
from dashboard.streams.queries import Command, Query
from dashboard.streams.replies import Reply

T = TypeVar("T")


class Server:
    """A watched server: `run` and `arun` a query with the reader, `tail` for blocking reads, `writer` for writes.

    After a failure to answer, the server is left alone for COOLDOWN seconds: every caller gets the same Unreachable
    at once, so that a page with several reads still answers in time.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.down: Unreachable | None = None
        self.down_since: float | None = None
        self._closed_until = 0.0
        self._capabilities: Capabilities | None = None
        self._reader = sync_client(config.url, deadlines.READ_TIMEOUT)
        self._async_readers: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()
        self.writer = Writer(config.admin_url or config.url)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def title(self) -> str:
        """What people call it; in addresses it is `name`."""
        return self.config.title or self.config.name

    def run(self, query: Query[T]) -> T:
        """Ask with the sync reader. Raises StreamError."""
        following: Query[T] | None = query
        while following is not None and not (following.optional and deadline_passed()):
            value = following.parse(self._ask(following.build()))
            following = following.then(value)
        return value

    def send(self, query: Query[T]) -> PendingReply[T]:
        """As `run`, for a query of one round trip whose answer is read later. Raises StreamError."""
        self._refuse_while_down()
        return PendingReply(self, self._reader.connection_pool, query)

    async def arun(self, query: Query[T]) -> T:
        """As `run`, on the running event loop."""
        following: Query[T] | None = query
        while following is not None:
            value = following.parse(await self._aask(following.build()))
            following = following.then(value)
        return value

    def capabilities(self) -> Capabilities:
        """What the server can do, asked once and again after it was down."""
        if self._capabilities is None:
            self._capabilities = parse_probe(self._ask(PROBE))
        return self._capabilities

    async def acapabilities(self) -> Capabilities:
        """As `capabilities`, on the running event loop."""
        if self._capabilities is None:
            self._capabilities = parse_probe(await self._aask(PROBE))
        return self._capabilities

    def _ask(self, commands: Sequence[Command]) -> list[Reply]:
        if not commands:
            return []
        self._refuse_while_down()
        self._refuse_too_late()
        try:
            pipe = self._reader.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            replies = pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            raise self._went_down(error) from error
        return self._answered(replies)

    async def _aask(self, commands: Sequence[Command]) -> list[Reply]:
        if not commands:
            return []
        self._refuse_while_down()
        try:
            pipe = self._loop_client().pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            replies = await pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            raise self._went_down(error) from error
        return self._answered(replies)

    def _loop_client(self) -> redis.asyncio.Redis:
        loop = asyncio.get_running_loop()
        if loop not in self._async_readers:
            self._async_readers[loop] = async_client(self.config.url, deadlines.READ_TIMEOUT, connections=8)
        return self._async_readers[loop]

    def _refuse_too_late(self) -> None:
        if deadline_passed():
            raise Unreachable("The server answers too slowly: there was no time left to read this.")

    def _refuse_while_down(self) -> None:
        if self.down and time.monotonic() < self._closed_until:
            raise Unreachable(self.down.message)

    def _went_down(self, error: Exception) -> StreamError:
        trouble = translate(error)
        if isinstance(trouble, Unreachable):
            self.down, self._closed_until = trouble, time.monotonic() + deadlines.COOLDOWN
            self.down_since = self.down_since or time.time()
            self._capabilities = None
        return trouble

    def _answered(self, replies: Sequence[Any]) -> list[Reply]:
        self.down = self.down_since = None
        return [translate(reply) if isinstance(reply, Exception) else reply for reply in replies]

    @asynccontextmanager
    async def tail(self, block_ms: int) -> AsyncIterator[Tail]:
        """A connection of its own for reads that block up to `block_ms`; closed at the end, also when cancelled."""
        client = async_client(self.config.url, block_ms / 1000 + 5, connections=1)
        try:
            yield Tail(client)
        finally:
            await client.aclose()
            await client.connection_pool.disconnect()

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""
        client = self._async_readers.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
            await client.connection_pool.disconnect()

    def close(self) -> None:
        """Close the sync connections."""
        self._reader.connection_pool.disconnect()
        self.writer.close()


class PendingReply(Generic[T]):
    """A query that was sent, and the connection its answer comes on: `get` it or `drop` it, once."""

    def __init__(self, server: Server, pool: redis.ConnectionPool, query: Query[T]) -> None:
        self._server, self._pool, self._query = server, pool, query
        self._words = query.build()
        self._connection: Any = None
        with self._or_down():
            self._connection = pool.get_connection()
            self._connection.send_packed_command(self._connection.pack_commands(self._words))

    def get(self) -> T:
        """Raises StreamError."""
        with self._or_down():
            replies = [read_reply(self._connection) for _ in self._words]
        self._pool.release(self._connection)
        return self._query.parse(self._server._answered(replies))

    def drop(self) -> None:
        """Nobody wants the answer any more: it must not be taken for that of the next question."""
        if self._connection is not None:
            self._connection.disconnect()
            self._pool.release(self._connection)

    @contextmanager
    def _or_down(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            self.drop()
            raise self._server._went_down(error) from error
        except BaseException:
            self.drop()
            raise


class Tail:
    """Runs queries one at a time on one connection. Cancelling a read closes the connection: open a new tail."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def run(self, query: Query[T]) -> T:
        """Raises StreamError."""
        try:
            replies = [await self._client.execute_command(*command) for command in query.build()]
        except (redis.RedisError, OSError) as error:
            raise translate(error) from error
        return query.parse(replies)
