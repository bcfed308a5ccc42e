"""Connections that wait for a request, or for the rest of one: so many are kept, and no more."""

from __future__ import annotations

from collections.abc import Callable


class IdleConnections:
    """Of one process, the one that has waited longest first. Closing that one leaves room for whoever comes now.

    A request that is complete is none of them, and neither is a WebSocket: those have bounds of their own.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[object, Callable[[], None]] = {}

    def add(self, connection: object, close: Callable[[], None]) -> None:
        """It waits from now on. `close` is called, once, when it has to make room for others."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = close
        while len(self._waiting) > self._limit:
            self._waiting.pop(next(iter(self._waiting)))()

    def remove(self, connection: object) -> None:
        """It is served, or gone. Idempotent."""
        self._waiting.pop(connection, None)

    def __len__(self) -> int:
        return len(self._waiting)
