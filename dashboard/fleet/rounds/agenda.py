"""Which streams a round looks into beside those that were seen to change.

* Always: those whose additions do not show at a glance.
* When due: those about which something will be so by the passing of time alone.
* In turn: those that hold or lack something, or of which something is said: who holds it shows only by looking.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Container, Iterator

from dashboard.fleet.snapshots import StreamState


class Agenda:
    def __init__(self) -> None:
        self.always: set[bytes] = set()
        self._open: set[bytes] = set()
        self._turns: deque[bytes] = deque()
        self._waiting: set[bytes] = set()
        """Those in `_turns`."""
        self._due: dict[bytes, int] = {}
        self._deadlines: list[tuple[int, bytes]] = []

    def note(self, state: StreamState, due_ms: int | None) -> None:
        """A stream was looked into. `due_ms`: when it is to be looked into again, None: nothing waits for a time."""
        key = state.key
        _keep(self.always, key, not state.sample.shows_additions)
        _keep(self._open, key, bool(state.findings) or state.sample.worth_a_look)
        if key in self._open and key not in self._waiting:
            self._waiting.add(key)
            self._turns.append(key)
        if due_ms is None:
            self._due.pop(key, None)
        elif self._due.get(key) != due_ms:
            self._due[key] = due_ms
            heapq.heappush(self._deadlines, (due_ms, key))

    def drop(self, key: bytes) -> None:
        """The stream is not there any more."""
        self.always.discard(key)
        self._open.discard(key)
        self._due.pop(key, None)

    def due(self, now_ms: int) -> Iterator[bytes]:
        """Streams whose time has come, each once."""
        while self._deadlines and self._deadlines[0][0] <= now_ms:
            at, key = heapq.heappop(self._deadlines)
            if self._due.get(key) == at:
                del self._due[key]
                yield key

    def in_turn(self, others: Container[bytes]) -> Iterator[bytes]:
        """From where the last round stopped, each once; not those among the `others`."""
        for _ in range(len(self._turns)):
            key = self._turns.popleft()
            if key not in self._open:
                self._waiting.discard(key)
                continue
            self._turns.append(key)
            if key not in others:
                yield key


def _keep(keys: set[bytes], key: bytes, wanted: bool) -> None:
    if wanted:
        keys.add(key)
    else:
        keys.discard(key)
