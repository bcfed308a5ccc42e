"""A process that dies for real, at a bad moment. No service should copy this; every service should survive it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sized

log = logging.getLogger("scenario")


class Crash:
    """Due `after` seconds from now; never when that is None."""

    def __init__(self, after: float | None, holding: int) -> None:
        self.at = None if after is None else time.monotonic() + after
        self.holding = holding

    def due(self) -> bool:
        return self.at is not None and time.monotonic() >= self.at

    async def with_work_in_hand(self, name: str, read: Callable[[int], Awaitable[Sized]], stop: asyncio.Event) -> None:
        """Take entries until `holding` are in hand and die with them, as an out-of-memory kill does.

        Told to stop before it has any, it returns, and the worker ends as others do.
        """
        held = 0
        while held < self.holding and not stop.is_set():
            held += len(await read(self.holding - held))
        if not held:
            return
        log.warning("%s is killed with %d entries in progress", name, held)
        os.kill(os.getpid(), signal.SIGKILL)
