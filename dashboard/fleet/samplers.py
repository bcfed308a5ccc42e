"""All samplers of this process, in one object that the app's configuration owns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from django.apps import apps

from dashboard.config.active import configured
from dashboard.fleet.sampler import Sampler
from dashboard.fleet.snapshots import ServerSnapshot
from dashboard.streams import links
from dashboard.streams.links import Server


class Fleet:
    """The latest of every configured server, kept up to date by `run`, or taken when it is asked for."""

    def __init__(self) -> None:
        self.running = False
        """Whether `run` does the sampling in this process; then nobody else has to."""
        self._samplers: dict[str, Sampler] = {}
        self._callbacks: list[Callable[[], None]] = []

    def on_snapshot(self, callback: Callable[[], None]) -> None:
        """Called at start-up: `callback` is called after every round of any server, on the sampler's loop."""
        if callback not in self._callbacks:
            self._callbacks.append(callback)

    def sampler(self, server: Server) -> Sampler:
        """The sampler of a server; a new one when the registry was configured anew."""
        known = self._samplers.get(server.name)
        if known is None or known.server is not server:
            known = self._samplers[server.name] = Sampler(server, self._published)
        return known

    def wake(self, server: str) -> None:
        """Look at a server again soon: something was done there. From any thread."""
        if server in self._samplers:
            self._samplers[server].wake()

    def current(self) -> tuple[ServerSnapshot, ...]:
        """The latest of every server, in the order of the configuration."""
        return tuple(self.sampler(server).snapshot for server in links.all())

    async def run(self) -> None:
        """The background work: all samplers, until cancelled."""
        self.running = True
        try:
            await asyncio.gather(*(self.sampler(server).run() for server in links.all()))
        finally:
            self.running = False

    def freshen(self, server: Server) -> ServerSnapshot:
        """The latest snapshot; taken here and now when no loop runs in this process (tests, `runserver`)."""
        at = self.sampler(server).snapshot.at
        stale = at is None or time.time() - at > configured().sample_every
        return self.sample(server) if stale and not self.running else self.sampler(server).snapshot

    def sample(self, server: Server) -> ServerSnapshot:
        """One round, from sync code in a thread without a running loop."""
        asyncio.run(self._once(server))
        return self.sampler(server).snapshot

    async def _once(self, server: Server) -> None:
        try:
            await self.sampler(server).round()
        finally:
            await server.aclose()

    def _published(self) -> None:
        for callback in self._callbacks:
            callback()


def fleet() -> Fleet:
    """The one of this process."""
    config: Any = apps.get_containing_app_config(__name__)
    found: Fleet = config.fleet
    return found
