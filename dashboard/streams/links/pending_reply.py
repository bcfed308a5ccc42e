"""Replies that are still on their way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

import redis

from dashboard.streams.links.breaker import Breaker
from dashboard.streams.links.clients import read_reply
from dashboard.streams.links.translation import Tally, translate
from dashboard.streams.queries import Command, Query
from dashboard.streams.replies import Reply

T = TypeVar("T")


class Replies(Protocol):
    """Replies that are read later: `get` them or `drop` them, once."""

    def get(self) -> list[Reply]:
        """One reply per command. Raises StreamError."""

    def drop(self) -> None:
        """The replies are not needed: what carries them must not be used for the next exchange."""


class SentCommands:
    """Commands that were sent on a connection of a pool, and that connection until their replies are read."""

    def __init__(self, pool: redis.ConnectionPool, breaker: Breaker, commands: Sequence[Command], tally: Tally) -> None:
        self._pool, self._breaker, self._commands, self._tally = pool, breaker, commands, tally
        self._connection: Any = None
        with self._or_down():
            self._connection = pool.get_connection()
            self._connection.send_packed_command(self._connection.pack_commands(commands))

    def get(self) -> list[Reply]:
        with self._or_down():
            replies = [read_reply(self._connection) for _ in self._commands]
        self._pool.release(self._connection)
        self._breaker.answered()
        self._tally.note(replies)
        return replies

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._pool.release(self._connection)

    @contextmanager
    def _or_down(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            self.drop()
            raise self._breaker.failed(translate(error)) from error
        except BaseException:
            self.drop()
            raise


class PendingReply(Generic[T]):
    """A query of one round trip that was sent: `get` its value or `drop` it, once."""

    def __init__(self, query: Query[T], replies: Replies) -> None:
        self._query, self._replies = query, replies

    def get(self) -> T:
        """Raises StreamError."""
        return self._query.parse(self._replies.get())

    def drop(self) -> None:
        """The value is not needed."""
        self._replies.drop()
