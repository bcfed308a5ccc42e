"""Who presented credentials are now: asked of the database once for all connections that present the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from dashboard.accounts.principals import Principal

FRESH = 1.0
"""Seconds that an answer holds for the connections that ask next: a person may have many pages open."""
Answer = tuple[float, asyncio.Task[Principal]]


class Rights:
    """Of one event loop."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Answer] = {}

    async def principal(self, credentials: Hashable, ask: Callable[[], Coroutine[Any, Any, Principal]]) -> Principal:
        """What `ask` says of these credentials, at most FRESH seconds old."""
        now = time.monotonic()
        self._answers = {who: answer for who, answer in self._answers.items() if now - answer[0] < FRESH}
        if credentials not in self._answers:
            self._answers[credentials] = (now, asyncio.get_running_loop().create_task(ask()))
        return await asyncio.shield(self._answers[credentials][1])
