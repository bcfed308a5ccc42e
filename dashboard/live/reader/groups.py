"""Groups have no events in Redis: watched ones are read every two seconds, once for all viewers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dashboard.background import cancelled
from dashboard.live.news import Changed, State, Status
from dashboard.live.topics import Topic
from dashboard.streams.errors import StreamError
from dashboard.streams.links import Server
from dashboard.streams.queries.watching import Figures, GroupFigures

log = logging.getLogger(__name__)

EVERY = 2.0
CHUNK = 100
"""Streams read in one pipeline."""


class GroupWatch:
    """Tells of every watched group that its figures moved, or that its server does not answer, or does again."""

    def __init__(self, publish: Callable[[Topic, Changed | Status], None]) -> None:
        self._publish = publish
        self._watched: dict[Topic, Server] = {}
        self._known: dict[Topic, Figures | None] = {}
        self._status: dict[Server, Status] = {}
        self._task: asyncio.Task[None] | None = None

    def status(self, server: Server) -> Status:
        """How its last read went."""
        return self._status.get(server, Status("live", None))

    def watch(self, server: Server, topic: Topic) -> None:
        self._watched[topic] = server
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="groups")

    def unwatch(self, topic: Topic) -> None:
        self._watched.pop(topic, None)
        self._known.pop(topic, None)

    async def close(self) -> None:
        if self._task:
            await cancelled(self._task)

    async def _run(self) -> None:
        while self._watched:
            for server in set(self._watched.values()):
                await self._read(server)
            await asyncio.sleep(EVERY)

    async def _read(self, server: Server) -> None:
        topics = [topic for topic, owner in self._watched.items() if owner is server]
        keys = sorted({topic.key for topic in topics})
        try:
            for at in range(0, len(keys), CHUNK):
                self._compare(topics, await server.arun(GroupFigures(tuple(keys[at : at + CHUNK]))))
            self._set_status(server, "live")
        except StreamError as error:
            log.debug("The groups of %s could not be read: %s", server.name, error.message)
            self._set_status(server, "stale", error.message)

    def _set_status(self, server: Server, state: State, reason: str = "") -> None:
        """Publish a change of state, and that the figures changed: a page reads again, and says how old they are."""
        before = self.status(server)
        self._status[server] = before.then(state, reason)
        if state == before.state:
            return
        for topic in [topic for topic, owner in self._watched.items() if owner is server]:
            self._publish(topic, self._status[server])
            self._publish(topic, Changed())

    def _compare(self, topics: list[Topic], found: dict[bytes, dict[bytes, Figures]]) -> None:
        for topic in topics:
            if topic.key not in found or topic not in self._watched:
                continue
            figures = found[topic.key].get(topic.group)
            if topic in self._known and self._known[topic] != figures:
                self._publish(topic, Changed())
            self._known[topic] = figures
