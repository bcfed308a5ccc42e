"""The configured servers and their clients. The only module that imports redis-py.

Every client speaks RESP2 and has redis-py's reply callbacks cleared, so a reply has one shape on every server and no
byte, field order or repeated field is lost. Nothing is retried: a read fails fast and the page says so, a write whose
reply is lost is *unknown*.

    eyes   sync and async, short timeouts, `url`        pages, API, sampler
    tail   one async connection of its own, `url`       blocking reads
    hands  sync, `admin_url`, only for streams_admin    writes
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from dashboard.streams.capabilities import PROBE, Capabilities, parse_probe
from dashboard.streams.errors import (
    Gone,
    NotAllowed,
    NotAStream,
    OutcomeUnknown,
    ServerRefused,
    StreamError,
    UnknownServer,
    Unreachable,
)
from dashboard.streams.queries import Command, Query
from dashboard.streams.replies import Reply

T = TypeVar("T")

LOOK_TIMEOUT = 0.8
"""Seconds to connect, and to wait for one round trip of a page. Three of them fit into the 2.5 s a page may take."""
ACT_TIMEOUT = 5.0
"""Seconds to wait for the reply to a write before its outcome is unknown."""
LOOK_WITHIN = 2.4
"""Seconds that all reads of a page may take together."""
BREAK_FOR = 1.0
"""Seconds during which a server that did not answer is not asked again."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One server as configured. The URLs hold secrets and stay out of the repr."""

    name: str
    url: str = field(repr=False)
    admin_url: str = field(default="", repr=False)
    title: str = ""
    environment: str = "development"
    read_only: bool = False
    keys: tuple[str, ...] = ()
    dead_letters: tuple[tuple[str, str], ...] = ()
    """Globs on keys, and the stream that takes their dead letters; {stream} in it stands for the key itself."""

    def dead_letters_of(self, key: bytes) -> bytes:
        """The dead-letter stream of a stream: that of the first pattern that fits, else the key with :dlq."""
        found = next((to for pattern, to in self.dead_letters if fnmatchcase(key, pattern.encode())), "{stream}:dlq")
        return found.encode().replace(b"{stream}", key)

    def looks_at(self, key: bytes) -> bool:
        """Whether a key is looked at at all (`keys`: glob patterns; none means everything)."""
        return not self.keys or any(fnmatchcase(key, pattern.encode()) for pattern in self.keys)


class Server:
    """A watched server: `run` and `arun` a query with the eyes, `tail` for blocking reads, `hands` for writes.

    After a failure to answer, the server is left alone for BREAK_FOR seconds: every caller gets the same Unreachable
    at once, so that a page with several reads still answers in time.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.down: Unreachable | None = None
        self.down_since: float | None = None
        self._closed_until = 0.0
        self._capabilities: Capabilities | None = None
        self._eyes = _sync_client(config.url, LOOK_TIMEOUT)
        self._async_eyes: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()
        self.hands = Hands(config.admin_url or config.url)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def title(self) -> str:
        """What people call it; in addresses it is `name`."""
        return self.config.title or self.config.name

    def run(self, query: Query[T]) -> T:
        """Ask with the sync eyes. Raises StreamError."""
        following: Query[T] | None = query
        while following is not None and not (following.optional and _too_late()):
            value = following.parse(self._ask(following.build()))
            following = following.then(value)
        return value

    def send(self, query: Query[T]) -> Coming[T]:
        """As `run`, for a query of one round trip whose answer is read later. Raises StreamError."""
        self._refuse_while_down()
        return Coming(self, self._eyes.connection_pool, query)

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
            pipe = self._eyes.pipeline(transaction=False)
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
            pipe = self._async_client().pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            replies = await pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            raise self._went_down(error) from error
        return self._answered(replies)

    def _async_client(self) -> redis.asyncio.Redis:
        loop = asyncio.get_running_loop()
        if loop not in self._async_eyes:
            self._async_eyes[loop] = _async_client(self.config.url, LOOK_TIMEOUT, connections=8)
        return self._async_eyes[loop]

    def _refuse_too_late(self) -> None:
        if _too_late():
            raise Unreachable("The server answers too slowly: there was no time left to read this.")

    def _refuse_while_down(self) -> None:
        if self.down and time.monotonic() < self._closed_until:
            raise Unreachable(self.down.message)

    def _went_down(self, error: Exception) -> StreamError:
        trouble = translate(error)
        if isinstance(trouble, Unreachable):
            self.down, self._closed_until = trouble, time.monotonic() + BREAK_FOR
            self.down_since = self.down_since or time.time()
            self._capabilities = None
        return trouble

    def _answered(self, replies: Sequence[Any]) -> list[Reply]:
        self.down = self.down_since = None
        return [translate(reply) if isinstance(reply, Exception) else reply for reply in replies]

    @asynccontextmanager
    async def tail(self, block_ms: int) -> AsyncIterator[Tail]:
        """A connection of its own for reads that block up to `block_ms`; closed at the end, also when cancelled."""
        client = _async_client(self.config.url, block_ms / 1000 + 5, connections=1)
        try:
            yield Tail(client)
        finally:
            await client.aclose()
            await client.connection_pool.disconnect()

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""
        client = self._async_eyes.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
            await client.connection_pool.disconnect()

    def close(self) -> None:
        """Close the sync connections."""
        self._eyes.connection_pool.disconnect()
        self.hands.close()


class Coming(Generic[T]):
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
            replies = [_read(self._connection) for _ in self._words]
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


class Hands:
    """The client for writes. Used by `streams_admin.commands` alone.

    Nothing is sent twice. Unreachable means that nothing was sent; OutcomeUnknown that something was and no reply came.
    """

    def __init__(self, url: str) -> None:
        self._pool = _sync_client(url, ACT_TIMEOUT).connection_pool

    def call(self, *command: bytes | str | int) -> Reply:
        """One command; its raw reply. Raises StreamError."""
        reply = self.each([command])[0]
        if isinstance(reply, StreamError):
            raise reply
        return reply

    def each(self, commands: Sequence[Command]) -> list[Reply]:
        """Several commands in one round trip; a StreamError stands where one was refused."""
        try:
            connection = self._pool.get_connection()
        except (redis.RedisError, OSError) as error:
            raise translate(error) from error
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            _do_meanwhile()
            return [_read(connection) for _ in commands]
        except (redis.RedisError, OSError) as error:
            connection.disconnect()
            raise OutcomeUnknown("The server did not confirm it: it may or may not have happened.") from error
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        self._pool.disconnect()


def _read(connection: Any) -> Reply:
    """One reply; an error reply as a value. LOADING is one too, though redis-py calls it a ConnectionError."""
    try:
        return connection.read_response()
    except (redis.ResponseError, redis.exceptions.BusyLoadingError) as error:
        return translate(error)


def translate(error: Exception) -> StreamError:
    """redis-py's exceptions as ours. The first word of an error is its code; the words after it differ per version."""
    if isinstance(error, StreamError):
        return error
    if isinstance(error, redis.ConnectionError) and isinstance(error.__cause__, redis.RedisError):
        return translate(error.__cause__)  # asyncio wraps what the server says to a new connection
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return Unreachable("The server did not answer in time.")
    if isinstance(error, redis.exceptions.BusyLoadingError):
        return Unreachable("The server is loading its data and does not answer yet.")
    if isinstance(error, redis.exceptions.AuthenticationError):
        return Unreachable("The server does not accept the configured user or password.")
    if isinstance(error, redis.exceptions.MaxConnectionsError):
        return Unreachable("All connections to the server are busy.")
    if isinstance(error, redis.ConnectionError | OSError):
        return Unreachable(_connection_words(error))
    if isinstance(error, redis.exceptions.NoPermissionError):
        return NotAllowed("The server's access list (ACL) does not allow this user to do that.")
    return _refused(error)


def _connection_words(error: Exception) -> str:
    text = str(error)
    for sign, words in _CONNECTION_SIGNS.items():
        if sign in text:
            return words
    return "The connection to the server failed."


_NOBODY = "The server refuses connections: nothing listens at its address."
_CONNECTION_SIGNS = {
    "refused": _NOBODY,
    # asyncio says "Connect call failed" for any reason; only the number tells which
    f"Error {errno.ECONNREFUSED} ": _NOBODY,
    f"Errno {errno.ECONNREFUSED}]": _NOBODY,
    "No such file": "The server's socket does not exist: it is not running.",
    "Name or service not known": "The server's host name cannot be resolved.",
    "Temporary failure in name resolution": "The server's host name cannot be resolved.",
    "nodename nor servname": "The server's host name cannot be resolved.",
    "CERTIFICATE": "The server's TLS certificate is not accepted.",
    "closed by server": "The server closed the connection.",
    "reset by peer": "The server closed the connection.",
    "Timeout": "The server did not answer in time.",
    "timed out": "The server did not answer in time.",
    "No connection available": "All connections to the server are busy.",
}


def _refused(error: Exception) -> StreamError:
    code = str(getattr(error, "status_code", None) or str(error).split(" ", 1)[0])
    code = code if code.isupper() and code.isalpha() else "ERR"
    if code == "WRONGTYPE":
        return NotAStream("The key holds another type than a stream.")
    if code == "NOGROUP":
        return Gone("The stream or the group does not exist.")
    if code == "ERR" and ("no such key" in str(error) or "requires the key to exist" in str(error)):
        return Gone("The stream does not exist.")
    if code in _UNREADY:
        return Unreachable(_UNREADY[code])
    return ServerRefused(_REFUSALS.get(code, f"The server refused: {_plain(error)}"), code)


_UNREADY = {
    "MASTERDOWN": "The server is a replica that lost its primary and does not serve old data.",
    "CLUSTERDOWN": "The cluster is down.",
    "BUSY": "The server is busy with a script.",
}
_REFUSALS = {
    "READONLY": "The server is a read-only replica.",
    "OOM": "The server is out of memory and refuses what needs more.",
    "MISCONF": "The server cannot save its data to disk and refuses writes.",
    "NOREPLICAS": "The server has too few replicas and refuses writes.",
    "MOVED": "The server is part of a cluster, which is not supported yet.",
}


def _plain(error: Exception) -> str:
    """A server's own words: printable and short."""
    return "".join(c if c.isprintable() else "?" for c in str(error))[:200]


def _greet(connection: redis.connection.Connection) -> None:
    """Name ourselves in CLIENT LIST. Where the ACL forbids that, nameless is fine."""
    connection.on_connect()
    try:
        connection.send_command("CLIENT", "SETNAME", "streamgauge")
        connection.read_response()
    except redis.ResponseError:
        pass


async def _agreet(connection: redis.asyncio.connection.Connection) -> None:
    await connection.on_connect()
    try:
        await connection.send_command("CLIENT", "SETNAME", "streamgauge")
        await connection.read_response()
    except redis.ResponseError:
        pass


def _options(timeout: float) -> dict[str, Any]:
    return {
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": timeout,
        "socket_connect_timeout": LOOK_TIMEOUT,
        "health_check_interval": 0,
        # No CLIENT SETINFO: two round trips per connection, and a line in ACL LOG where it is not allowed.
        "driver_info": None,
    }


def _sync_client(url: str, timeout: float) -> redis.Redis:
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=16,
        timeout=LOOK_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=_greet,
        **_options(timeout),
    )
    client = redis.Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client


def _async_client(url: str, timeout: float, *, connections: int) -> redis.asyncio.Redis:
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=LOOK_TIMEOUT,
        retry=AsyncRetry(NoBackoff(), 0),
        redis_connect_func=_agreet,
        **_options(timeout),
    )
    client = redis.asyncio.Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client


_ends: ContextVar[float | None] = ContextVar("_ends", default=None)


def _too_late() -> bool:
    ends = _ends.get()
    return ends is not None and time.monotonic() + LOOK_TIMEOUT > ends


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Within it the sync eyes begin no round trip that may end later than that, on whatever server: Unreachable."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


_task: ContextVar[list[Callable[[], None]] | None] = ContextVar("_task", default=None)


@contextmanager
def meanwhile(task: Callable[[], None]) -> Iterator[None]:
    """Within it the hands call `task` once, while the server works on what they have sent.

    The task must not raise: whether the write was done has nothing to do with it.
    """
    token = _task.set([task])
    try:
        yield
    finally:
        _task.reset(token)


def _do_meanwhile() -> None:
    tasks = _task.get()
    if tasks:
        tasks.pop()()


_servers: dict[str, Server] = {}


def configure(configs: Iterable[ServerConfig]) -> None:
    """Replace the registry. Called at start-up, and by tests."""
    for server in _servers.values():
        server.close()
    _servers.clear()
    _servers.update({config.name: Server(config) for config in configs})


def get(name: str) -> Server:
    """Raises UnknownServer."""
    try:
        return _servers[name]
    except KeyError:
        raise UnknownServer(name) from None


def all() -> tuple[Server, ...]:
    """In the order of the configuration."""
    return tuple(_servers.values())


def title_of(name: str) -> str:
    """What people call the server of that name; one that is no longer configured is called by its name."""
    return _servers[name].title if name in _servers else name
