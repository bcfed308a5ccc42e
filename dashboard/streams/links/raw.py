"""Many commands at once, on a connection that redis-py has opened, secured and authenticated.

redis-py awaits every reply for itself, with a timer of its own. Here what comes is read as it comes and parsed in one
go, or not parsed at all: equal bytes are equal replies.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import hiredis
import redis
import redis.asyncio
from redis.asyncio.connection import DefaultParser

from dashboard.streams.links import deadlines
from dashboard.streams.links.translation import translate
from dashboard.streams.queries import Command
from dashboard.streams.replies import Reply

READ_BYTES = 2**18
NONCE_BYTES = 16


def packed(commands: Sequence[Command]) -> bytes:
    """As they go over the wire."""
    pack: Any = hiredis.pack_command  # its annotation knows commands of one word only
    return b"".join(pack(command) for command in commands)


def parsed(received: bytes) -> list[Reply]:
    """The replies in these bytes; a StreamError stands where the server answered with an error."""
    return [translate(reply) if isinstance(reply, Exception) else reply for reply in _parsed(received)]


def _parsed(received: bytes) -> list[Any]:
    reader = _reader()
    reader.feed(received)
    return _complete(reader)


@asynccontextmanager
async def borrowed(pool: redis.asyncio.ConnectionPool) -> AsyncIterator[Any]:
    """A connection of the pool. One whose replies were not all read is closed: the next one must not get them."""
    connection = await pool.get_connection()
    try:
        yield connection
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def replies(connection: Any, commands: Sequence[Command]) -> list[Any]:
    """One per command; an error reply as one of redis-py's exceptions. Raises redis-py's errors of connections."""
    await connection.send_packed_command([packed(commands)], check_health=False)
    reader = _reader()
    found: list[Any] = []
    while len(found) < len(commands):
        reader.feed(await _received(connection))
        found += _complete(reader)
    broken = next((reply for reply in found if isinstance(reply, redis.ConnectionError)), None)
    if broken:  # LOADING is one for redis-py
        raise broken
    return found


async def unparsed(connection: Any, batches: Sequence[bytes]) -> list[bytes]:
    """The replies to each batch of packed commands, as they came. Raises as `replies`, and what ECHO is refused with.

    Where one ends is known by the reply to an ECHO behind it, whose argument nobody can foresee. No PING: a server that
    cannot save its data refuses that.
    """
    nonce = secrets.token_hex(NONCE_BYTES // 2).encode()
    mark, end = packed([("ECHO", nonce)]), b"$%d\r\n%b\r\n" % (NONCE_BYTES, nonce)
    asked = [mark, *(part for batch in batches for part in (batch, mark))]
    await connection.send_packed_command(asked, check_health=False)
    received = bytearray()
    while True:
        received += await _received(connection)
        if not end.startswith(bytes(received[: len(end)])) and (refused := _parsed(bytes(received))):
            raise refused[0] if isinstance(refused[0], Exception) else redis.InvalidResponse("Not the reply to ECHO.")
        if received.endswith(end) and received.count(end) == len(batches) + 1:
            return bytes(received).split(end)[1:-1]


def _reader() -> Any:
    return hiredis.Reader(replyError=DefaultParser.parse_error, protocolError=redis.InvalidResponse)


def _complete(reader: Any) -> list[Any]:
    """What is there as a whole. Where there is no more, the reader says False, which 0 equals."""
    found: list[Any] = []
    while (reply := reader.gets()) is not False:
        found.append(reply)
    return found


async def _received(connection: Any) -> bytes:
    async with asyncio.timeout(deadlines.READ_TIMEOUT):
        received: bytes = await connection._reader.read(READ_BYTES)
    if not received:
        raise redis.ConnectionError("Connection closed by server.")
    return received
