"""Carries news to all sockets of an event loop: one task for all of them, whoever has something in turn."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol

from dashboard.live.sending.counters import Counters

TURN = 100
"""Sockets between two breaths of the loop."""
SWEEP = 0.1
"""Seconds until what waits for its time is looked at again."""
CHECK_EVERY = 1.0
"""Seconds between two looks for viewers who take nothing any more."""


class Socket(Protocol):
    """One viewer's. Nothing of it raises."""

    def flush(self) -> int:
        """Send what may be sent now; how many frames that were."""

    def check(self) -> None:
        """Cut off a viewer who takes nothing any more."""


class Delivery:
    """Of one event loop."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._sockets: set[Socket] = set()
        self._ready: dict[Socket, None] = {}
        self._later: set[Socket] = set()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def sockets(self) -> int:
        """How many are open."""
        return len(self._sockets)

    def add(self, socket: Socket) -> None:
        self._sockets.add(socket)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="delivery to viewers")

    def remove(self, socket: Socket) -> None:
        """Idempotent."""
        self._sockets.discard(socket)
        self._later.discard(socket)
        self._ready.pop(socket, None)

    def wake(self, socket: Socket) -> None:
        """There is something for it: it is sent with the next read, or at once when none is under way."""
        if socket in self._sockets:
            self._ready[socket] = None
            self._wanted.set()

    def later(self, socket: Socket) -> None:
        """What waits for it must not be sent yet: look again soon."""
        if socket in self._sockets:
            self._later.add(socket)

    async def flush(self) -> int:
        """Send to all who were woken; how many frames that were."""
        sockets, self._ready = self._ready, {}
        self._wanted.clear()
        frames = 0
        for number, socket in enumerate(sockets, 1):
            frames += socket.flush()
            if number % TURN == 0:
                await asyncio.sleep(0)
        return frames

    def close(self) -> None:
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        checked = time.monotonic()
        while self._sockets:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP if self._later else CHECK_EVERY):
                    await self._wanted.wait()
            for socket in tuple(self._later):
                self._ready[socket] = None
            self._later.clear()
            await self.flush()
            if time.monotonic() - checked >= CHECK_EVERY:
                checked = time.monotonic()
                for socket in tuple(self._sockets):
                    socket.check()
