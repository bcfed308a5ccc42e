"""Work on the event loop in slices: between two of them everybody else has a turn."""

from __future__ import annotations

import asyncio
import time

SLICE = 0.003
"""Seconds of work after which others have a turn."""


class Slices:
    """Made when work begins; `rest` belongs after every piece of it, none longer than a few milliseconds."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def rest(self) -> None:
        """Let others have a turn, if it is time for that."""
        if time.perf_counter() - self._began > SLICE:
            await asyncio.sleep(0)
            self._began = time.perf_counter()
