"""On which connection a write is on its way, as the server knows it: to close it before a lost write is given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ConnectionId:
    """`process`: the server's run ID, new after each restart. `number`: of the connection there (CLIENT ID)."""

    process: str
    number: int


class Trips(Protocol):
    """Who keeps track of what the writer sends."""

    def begin(self, connection: ConnectionId | None) -> None:
        """Commands are about to be sent on it; None: the server does not say which one it is. If it raises, nothing is
        sent."""

    def answered(self) -> None:
        """All replies to what was sent last have come."""


_trips: ContextVar[Trips | None] = ContextVar("_trips", default=None)


@contextmanager
def tracked(trips: Trips) -> Iterator[None]:
    """Within it the writer reports each round trip to `trips`."""
    token = _trips.set(trips)
    try:
        yield
    finally:
        _trips.reset(token)


def begin(connection: ConnectionId | None) -> None:
    trips = _trips.get()
    if trips is not None:
        trips.begin(connection)


def answered() -> None:
    trips = _trips.get()
    if trips is not None:
        trips.answered()
