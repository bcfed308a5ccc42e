"""On which connections a command of an operation may still be on its way: none is called failed before they are ended.

They are kept in the operation's row, so that who takes it over, and who checks it again later, ends them first. A
connection of which all replies have come carries nothing: then another one may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pydantic import JsonValue

from dashboard.streams.errors import NotAllowed, ServerRefused
from dashboard.streams.links import ConnectionId, Server
from streams_admin import stored, writes

NOT_ENDED = (
    "What is unknown may still be carried out: the Redis user of this site may not end the connection it was sent on"
    " (CLIENT ID, INFO and CLIENT KILL)."
)
Kept = list[ConnectionId | None]


class Connections:
    """Those of an operation that runs. Told by the writer what is sent (`links.tracked`).

    `kept`: as the row has them. `save`: changes of the row, before anything is sent. Raises what `save` raises.
    `process`: of the server that the plan was made on; `verify` is called before anything is sent to another one. A
    connection that was closed is made anew without a word, and may lead elsewhere.
    """

    def __init__(
        self, kept: Sequence[JsonValue], save: Callable[..., None], process: str, verify: Callable[[], None]
    ) -> None:
        self._lost = load(kept)
        self._save = save
        self._processes, self._verify = {process}, verify
        self._saved: Kept = []
        self._current: ConnectionId | None = None
        self._unanswered = False
        self.refused = False
        """Whether the server did not let us end one."""

    @property
    def open(self) -> Kept:
        """Those on which something may still be on its way."""
        return [*self._lost, self._current] if self._unanswered else self._lost

    def begin(self, connection: ConnectionId | None) -> None:
        """As `Trips`. Ours to send on, so that nothing is on its way on it. Raises what `verify` raises."""
        if connection is not None and connection.process not in self._processes:
            self._verify()
            self._processes.add(connection.process)
        self._lost = [lost for lost in self.open if lost is None or lost != connection]
        self._current, self._unanswered = connection, False
        if [*self._lost, connection] != self._saved:
            self._saved = [*self._lost, connection]
            self._save(connections=dump(self._saved))
        self._unanswered = True

    def answered(self) -> None:
        self._unanswered = False

    def end(self, server: Server) -> bool:
        """Whether nothing can be on its way any more. Raises StreamError where the server does not answer."""
        self._lost, self._unanswered = self.open, False
        self._lost = [lost for lost in self._lost if not ended(server, lost)]
        self.refused = bool(self._lost)
        return not self._lost

    def end_here(self, server: Server) -> None:
        """End those that lead to the process of the server that answers now. Others, and what it does not let us end,
        stay noted. Raises StreamError where it does not answer."""
        self._lost, self._unanswered = self.open, False
        self._lost = [lost for lost in self._lost if not _ended_here(server, lost)]


def ended(server: Server, lost: ConnectionId | None) -> bool:
    """False where the server does not let us end it. Raises StreamError where it does not answer."""
    try:
        writes.end_connection(server, lost)
    except (NotAllowed, ServerRefused):
        return False
    return True


def _ended_here(server: Server, lost: ConnectionId | None) -> bool:
    with suppress(NotAllowed, ServerRefused):
        return writes.end_connection(server, lost)
    return False


def dump(connections: Kept) -> JsonValue:
    """As the row keeps them."""
    return stored.dump(_KEPT, connections)


def load(kept: Sequence[JsonValue]) -> Kept:
    return stored.load(_KEPT, list(kept))


_KEPT: Any = Kept
