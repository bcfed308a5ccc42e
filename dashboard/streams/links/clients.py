"""redis-py's clients as they are wanted here: RESP2, no callbacks, no second try, short timeouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from dashboard.streams.links import deadlines
from dashboard.streams.links.translation import translate
from dashboard.streams.links.writing.trips import ConnectionId
from dashboard.streams.replies import Reply, info


def read_reply(connection: Any) -> Reply:
    """One reply; an error reply as a value. LOADING is one too, though redis-py calls it a ConnectionError."""
    try:
        reply = connection.read_response()
    except (redis.ResponseError, redis.exceptions.BusyLoadingError) as error:
        return translate(error)
    if isinstance(reply, list):  # of EXEC, each command has its own
        return [translate(item) if isinstance(item, Exception) else item for item in reply]
    return reply


def _greet(connection: redis.connection.Connection) -> None:
    """Name ourselves in CLIENT LIST. Where the ACL forbids that, nameless is fine."""
    connection.on_connect()
    try:
        connection.send_command("CLIENT", "SETNAME", "streamgauge")
        connection.read_response()
    except redis.ResponseError:
        pass


def greet_to_write(connection: redis.connection.Connection) -> ConnectionId | None:
    """As `_greet`, in one round trip; which connection it is for the server, None where the ACL keeps that secret."""
    connection.on_connect()
    commands = (("CLIENT", "SETNAME", "streamgauge"), ("CLIENT", "ID"), ("INFO", "server"))
    connection.send_packed_command(connection.pack_commands(commands))
    _, number, server = [read_reply(connection) for _ in commands]
    process = info(server).get("run_id", "") if isinstance(server, bytes) else ""
    return ConnectionId(process, number) if process and isinstance(number, int) else None


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
        "socket_connect_timeout": deadlines.READ_TIMEOUT,
        "health_check_interval": 0,
        # No CLIENT SETINFO: two round trips per connection, and a line in ACL LOG where it is not allowed.
        "driver_info": None,
    }


def sync_client(url: str, timeout: float, greet: Callable[[redis.connection.Connection], None] = _greet) -> redis.Redis:
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=16,
        timeout=deadlines.READ_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=greet,
        **_options(timeout),
    )
    client = redis.Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client


def async_client(url: str, timeout: float, *, connections: int) -> redis.asyncio.Redis:
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=deadlines.READ_TIMEOUT,
        retry=AsyncRetry(NoBackoff(), 0),
        redis_connect_func=_agreet,
        **_options(timeout),
    )
    client = redis.asyncio.Redis(connection_pool=pool)
    client.response_callbacks.clear()
    return client
