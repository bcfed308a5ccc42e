"""The client for writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import redis

from dashboard.streams.errors import NotAllowed, OutcomeUnknown, ServerRefused, StreamError
from dashboard.streams.links import deadlines
from dashboard.streams.links.breaker import Breaker
from dashboard.streams.links.clients import greet_to_write, read_reply, sync_client
from dashboard.streams.links.deadlines import do_before, do_meanwhile
from dashboard.streams.links.translation import Tally, translate
from dashboard.streams.links.writing import trips
from dashboard.streams.links.writing.trips import ConnectionId
from dashboard.streams.queries import Command
from dashboard.streams.replies import Reply


class Writer:
    """The client for writes. Used by `streams_admin.writes` alone.

    Nothing is sent twice. Unreachable means that nothing was sent; OutcomeUnknown that something was and no reply came.
    """

    def __init__(self, url: str, breaker: Breaker | None = None, tally: Tally | None = None) -> None:
        self._breaker, self._tally = breaker, tally or Tally()
        self._ids: WeakKeyDictionary[Any, ConnectionId | None] = WeakKeyDictionary()
        self._pool = sync_client(url, deadlines.WRITE_TIMEOUT, self._greet).connection_pool

    def call(self, *command: bytes | str | int) -> Reply:
        """One command; its raw reply. Raises StreamError."""
        reply = self.each([command])[0]
        if isinstance(reply, StreamError):
            raise reply
        return reply

    def each(self, commands: Sequence[Command]) -> list[Reply]:
        """Several commands in one round trip; a StreamError stands where one was refused."""
        with self._connection() as connection:
            return self._trip(connection, commands)

    def end(self, lost: ConnectionId | None) -> bool:
        """See to it that what was sent on a connection and not carried out yet never will be.

        False: another process of the server answers than the one it led to, and has none of its connections. Raises
        NotAllowed, or ServerRefused, where the server lets nobody close it; Unreachable, or OutcomeUnknown, to be tried
        again.
        """
        with self._connection() as connection:
            ours = self._ids.get(connection)
            if lost is None or ours is None:
                raise NotAllowed("The server's access list (ACL) does not allow this user to see its connection's ID.")
            if ours.process != lost.process:
                return False
            do_before()
            [reply] = self._replies(connection, [("CLIENT", "KILL", "ID", lost.number)])
        if isinstance(reply, StreamError):
            raise reply
        return True

    def _greet(self, connection: Any) -> None:
        self._ids[connection] = greet_to_write(connection)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            connection = self._pool.get_connection()
        except (redis.RedisError, OSError) as error:
            raise translate(error) from error
        try:
            yield connection
        finally:
            self._pool.release(connection)

    def _trip(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        try:
            do_before()
            trips.begin(self._ids.get(connection))
        except BaseException:
            connection.disconnect()  # it may be in the middle of a WATCH
            raise
        replies = self._replies(connection, commands, do_meanwhile)
        trips.answered()
        return replies

    def _replies(
        self, connection: Any, commands: Sequence[Command], meanwhile: Callable[[], None] = lambda: None
    ) -> list[Reply]:
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            meanwhile()
            return [self._noted(read_reply(connection)) for _ in commands]
        except (redis.RedisError, OSError) as error:
            connection.disconnect()
            raise OutcomeUnknown("The reply was lost: the command may or may not have run.") from error
        except BaseException:
            connection.disconnect()
            raise

    def checked(self, watched: bytes, look: Command, then: Callable[[Reply], Sequence[Command]]) -> list[Reply] | None:
        """MULTI of what `then` makes of the answer to `look`; None, and nothing done, when the key changed meanwhile.

        One reply per command, a StreamError where it failed. Raises StreamError when nothing was done.
        """
        with self._connection() as connection:
            _, seen = self._trip(connection, [("WATCH", watched), look])
            try:
                commands = then(seen)
            except StreamError:
                self._trip(connection, [("UNWATCH",)])
                raise
            replies = self._trip(connection, [("MULTI",), *commands, ("EXEC",)])
        for reply in replies:
            if isinstance(reply, StreamError):
                raise reply
        done: list[Reply] | None = replies[-1]
        return done

    def _noted(self, reply: Reply) -> Reply:
        """A primary that refuses writes as a replica would is one no longer."""
        self._tally.note([reply])
        if self._breaker and isinstance(reply, ServerRefused) and reply.code == "READONLY":
            self._breaker.role_changed()
        return reply

    def close(self) -> None:
        self._pool.disconnect()
