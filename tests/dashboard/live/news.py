"""A viewer for tests: a feed and what came out of it."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

from dashboard.live import feed as feeds
from dashboard.live.feed import Feed
from dashboard.live.hub import Hub, StartAt
from dashboard.live.news import Batch, News
from dashboard.live.topics import Topic

N = TypeVar("N")


class Viewer:
    """Subscribes, and takes everything at once unless `lazy`."""

    def __init__(self, hub: Hub, topic: Topic, start_at: StartAt | None = None, *, lazy: bool = False) -> None:
        self.got: list[News] = []
        self._woken = asyncio.Event()
        self.lazy = lazy
        self.feed = Feed(topic, self._woken.set)
        hub.subscribe(self.feed, start_at)

    def take(self) -> None:
        while (news := self.feed.take(feeds.WAITING, 2**30)) is not None:
            self.got.append(news)

    def all(self, kind: type[N]) -> list[N]:
        return [news for news in self.got if isinstance(news, kind)]

    @property
    def ids(self) -> list[str]:
        """Every entry that came, in order."""
        return [str(entry.id) for batch in self.all(Batch) for entry in batch.items]

    async def first(self, kind: type[N], within: float = 3.0) -> N:
        """The first news of a kind."""
        await self.until(lambda: bool(self.all(kind)), within)
        return self.all(kind)[0]

    async def came(self, count: int) -> None:
        """Wait until so many entries came."""
        await self.until(lambda: len(self.ids) >= count)

    async def until(self, done: object, within: float = 3.0) -> float:
        """Wait for a condition on what came; the seconds it took."""
        began = time.monotonic()
        while True:
            if not self.lazy:
                self.take()
            if done():  # type: ignore[operator]
                return time.monotonic() - began
            left = began + within - time.monotonic()
            assert left > 0, f"not within {within} s; so far: {self.got}"
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), left)
            except TimeoutError:
                continue
