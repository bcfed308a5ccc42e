"""How much may be on its way to one viewer. Daphne has no backpressure: what is sent is held until it is taken.

A viewer who acknowledges has a window of frames in flight. One who never does (a simple script) gets a burst and then a
steady trickle; what does not fit is skipped and counted in its feed.
"""

from __future__ import annotations

import time
from collections import deque

WINDOW_ENTRIES = 200
WINDOW_BYTES = 256 * 2**10
BURST_BYTES = 2**20
BYTES_PER_SECOND = 128 * 2**10
STUCK_AFTER = 15.0
"""Seconds without an acknowledgement, the window being full, after which a viewer is cut off."""


class FlowControl:
    """Of one watch. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._in_flight: deque[tuple[str, int, int]] = deque()
        self._acknowledges = False
        self._last_ack = time.monotonic()
        self._bucket = float(BURST_BYTES)
        self._filled = self._last_ack

    def sent(self, last_id: str, entries: int, size: int) -> None:
        """A frame went out. `size` in bytes."""
        if not self._in_flight:
            self._last_ack = time.monotonic()
        self._in_flight.append((last_id, entries, size))
        self._fill()
        self._bucket -= size
        if not self._acknowledges and len(self._in_flight) > WINDOW_ENTRIES:
            self._in_flight.popleft()

    def acknowledged(self, last_id: str) -> None:
        """All frames up to the one that ended with `last_id` have arrived; an unknown ID says nothing."""
        self._acknowledges = True
        self._last_ack = time.monotonic()
        if any(frame[0] == last_id for frame in self._in_flight):
            while self._in_flight.popleft()[0] != last_id:
                pass

    def open(self) -> bool:
        """Whether another frame may be sent."""
        if self._acknowledges:
            return self._entries < WINDOW_ENTRIES and self._bytes < WINDOW_BYTES
        self._fill()
        return self._bucket > 0

    def stuck(self) -> bool:
        return self._acknowledges and not self.open() and time.monotonic() - self._last_ack > STUCK_AFTER

    @property
    def _entries(self) -> int:
        return sum(frame[1] for frame in self._in_flight)

    @property
    def _bytes(self) -> int:
        return sum(frame[2] for frame in self._in_flight)

    def _fill(self) -> None:
        now = time.monotonic()
        self._bucket = min(float(BURST_BYTES), self._bucket + (now - self._filled) * BYTES_PER_SECOND)
        self._filled = now
