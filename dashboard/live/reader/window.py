"""The latest entries of a watched stream, kept so that a viewer who comes back is served without asking the server."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry

ENTRIES = 500
BYTES = 2 * 2**20


class Window:
    """Everything after `start` up to the reader's cursor, at most ENTRIES and BYTES."""

    def __init__(self, start: StreamId) -> None:
        self.start = start
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def append(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries.append(entry)
            self._bytes += entry.weight
            while len(self._entries) > ENTRIES or self._bytes > BYTES:
                self._drop()

    def since(self, after: StreamId) -> list[Entry] | None:
        """What came after an ID; None when that is not known completely."""
        if after < self.start:
            return None
        return [entry for entry in self._entries if entry.id > after]

    def holds(self, id_: StreamId) -> bool:
        """Whether this very entry is in it, or is where it starts."""
        return id_ == self.start or any(entry.id == id_ for entry in self._entries)

    def _drop(self) -> None:
        oldest = self._entries.popleft()
        self._bytes -= oldest.weight
        self.start = oldest.id
