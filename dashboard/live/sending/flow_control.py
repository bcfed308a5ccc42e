"""How much may be on its way to viewers. Daphne has no backpressure: what is sent is held until it is taken.

A watch that acknowledges has a window of frames in flight. One that never does (a simple script) draws on a bucket: a
burst, and then a steady trickle; what does not fit is skipped and counted in its feed. Beside the window of each watch
there is one allowance for all watches of a socket, and one for all sockets of a person.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

WINDOW_BYTES = 512 * 2**10
REMEMBERED = 200
"""Frames whose IDs are kept for a watch that has not acknowledged yet."""
CUT_OFF_AFTER = 15.0
"""Seconds without an acknowledgement, the window being full, after which a viewer is cut off."""


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """Bytes in flight to those who acknowledge; a burst, and bytes per second, to those who do not."""

    window: int
    burst: int
    rate: int


SOCKET = FlowLimits(window=512 * 2**10, burst=2**20, rate=128 * 2**10)
PERSON = FlowLimits(window=2 * 2**20, burst=4 * 2**20, rate=512 * 2**10)


class Allowance:
    """What may be on its way over one socket, or to one person. Times are monotonic seconds."""

    def __init__(self, limits: FlowLimits) -> None:
        self.limits = limits
        self._in_flight = 0
        self._bucket = float(limits.burst)
        self._filled = time.monotonic()

    def open(self, *, acknowledges: bool) -> bool:
        """Whether another frame may be sent to a watch that acknowledges, or to one that does not."""
        if acknowledges:
            return self._in_flight < self.limits.window
        self._fill()
        return self._bucket > 0

    def draw(self, size: int) -> None:
        """A frame went to a watch that does not acknowledge."""
        self._fill()
        self._bucket -= size

    def hold(self, size: int) -> None:
        """So many bytes more are in flight to watches that acknowledge; less, where it is negative."""
        self._in_flight += size

    def _fill(self) -> None:
        now = time.monotonic()
        self._bucket = min(float(self.limits.burst), self._bucket + (now - self._filled) * self.limits.rate)
        self._filled = now


class FlowControl:
    """Of one watch. `shared`: the allowances it draws on; left out, it has one of a socket to itself.

    `acknowledges`: whether it is known from the beginning that somebody does.
    """

    def __init__(self, *shared: Allowance, acknowledges: bool = False) -> None:
        self._shared = shared or (Allowance(SOCKET),)
        self._in_flight: deque[tuple[str, int]] = deque()
        self._bytes = 0
        self._acknowledges = acknowledges
        self._last_ack = time.monotonic()

    def sent(self, last_id: str, size: int) -> None:
        """A frame went out. `size` in bytes."""
        if not self._in_flight:
            self._last_ack = time.monotonic()
        self._in_flight.append((last_id, size))
        self._bytes += size
        for allowance in self._shared:
            if self._acknowledges:
                allowance.hold(size)
            else:
                allowance.draw(size)
        if not self._acknowledges and len(self._in_flight) > REMEMBERED:
            self._bytes -= self._in_flight.popleft()[1]

    def acknowledged(self, last_id: str) -> None:
        """All frames up to the one that ended with `last_id` have arrived; an unknown ID says nothing."""
        if not self._acknowledges:
            self._acknowledges = True
            self._hold(self._bytes)
        self._last_ack = time.monotonic()
        if any(frame[0] == last_id for frame in self._in_flight):
            arrived, size = "", 0
            while arrived != last_id:
                arrived, more = self._in_flight.popleft()
                size += more
            self._bytes -= size
            self._hold(-size)

    def arrived(self) -> None:
        """All frames have left, as far as it can be known of a viewer who cannot acknowledge."""
        if self._in_flight:
            self.acknowledged(self._in_flight[-1][0])

    def open(self) -> bool:
        """Whether another frame may be sent."""
        if self._acknowledges and self._bytes >= WINDOW_BYTES:
            return False
        return all(allowance.open(acknowledges=self._acknowledges) for allowance in self._shared)

    def stuck(self, *, blocked: bool = False) -> bool:
        """Whether the viewer takes nothing any more. One who waits for other watches is not.

        `blocked`: its socket is full, so that less than a window may be on its way.
        """
        overdue = time.monotonic() - self._last_ack > CUT_OFF_AFTER
        return self._acknowledges and bool(self._in_flight) and overdue and (blocked or not self.open())

    def close(self) -> None:
        """The watch has ended: nothing of it is in flight any more. Idempotent."""
        if self._acknowledges:
            self._hold(-self._bytes)
        self._in_flight.clear()
        self._bytes = 0

    def _hold(self, size: int) -> None:
        for allowance in self._shared:
            allowance.hold(size)
