"""All samplers of this process, in one object that the app's configuration owns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from django.apps import apps

from dashboard.background import cancelled
from dashboard.config.active import configured
from dashboard.fleet.incidents.ledger import Ledger
from dashboard.fleet.incidents.recorder import Rows
from dashboard.fleet.sampler import Sampler
from dashboard.fleet.snapshots import ServerSnapshot
from dashboard.streams import links
from dashboard.streams.links import Server


class Fleet:
    """The latest of every configured server, kept up to date by `run`, or taken when it is asked for."""

    def __init__(self, rows: Rows | None = None) -> None:
        """`rows`: where incidents are recorded; None: nowhere."""
        self._rows = rows
        self.running = False
        """Whether `run` does the sampling in this process; then nobody else has to."""
        self._samplers: dict[str, Sampler] = {}
        self._callbacks: list[Callable[[], None]] = []

    def on_snapshot(self, callback: Callable[[], None]) -> None:
        """Called at start-up: `callback` is called on its loop when what is shown of a server has changed."""
        if callback not in self._callbacks:
            self._callbacks.append(callback)

    def sampler(self, server: Server) -> Sampler:
        """The sampler of a server; a new one when the registry was configured anew."""
        known = self._samplers.get(server.name)
        if known is None or known.server is not server:
            known = self._samplers[server.name] = Sampler(server, self.published, self._rows)
        return known

    def wake(self, server: str) -> None:
        """Look at a server again soon: something was done there. From any thread."""
        if server in self._samplers:
            self._samplers[server].wake()

    def current(self) -> tuple[ServerSnapshot, ...]:
        """The latest of every server, in the order of the configuration."""
        return tuple(self.sampler(server).snapshot for server in links.all())

    def ledgers(self) -> dict[str, Ledger]:
        """What stands on every server, and what the database has of it."""
        return {name: sampler.incidents.ledger for name, sampler in tuple(self._samplers.items())}

    async def run(self) -> None:
        """The background work: all samplers, and beside them what they record, until cancelled.

        After a failure it is about to run again.
        """
        self.running = True
        samplers = [self.sampler(server) for server in links.all()]
        work = [asyncio.ensure_future(run()) for each in samplers for run in (each.run, each.incidents.run)]
        try:
            await asyncio.gather(*work)
        except asyncio.CancelledError:
            self.running = False
            raise
        finally:  # one that failed ends none of the others by itself, and all of them are begun again
            await cancelled(*work)

    def freshen(self, server: Server) -> ServerSnapshot:
        """The latest snapshot; taken here and now when no loop runs in this process (tests, `runserver`).

        One request samples at a time: the others get what is there, or wait for it when nothing is.
        """
        mine = self.sampler(server)
        if not self._is_fresh(mine) and mine.busy.acquire(blocking=mine.snapshot.at is None):
            try:
                if not self._is_fresh(mine):
                    mine.incidents.load()
                    asyncio.run(_once(mine))
                    mine.incidents.record()
            finally:
                mine.busy.release()
        return mine.snapshot

    def _is_fresh(self, mine: Sampler) -> bool:
        """Whether nobody has to look now."""
        at = mine.snapshot.at
        return self.running or (at is not None and time.time() - at <= configured().sample_every)

    def sample(self, server: Server) -> ServerSnapshot:
        """One round, from sync code in a thread without a running loop."""
        mine = self.sampler(server)
        with mine.busy:
            asyncio.run(_once(mine))
        return mine.snapshot

    def published(self) -> None:
        """Whoever watches reads again: something that pages show has changed. From any thread."""
        for callback in self._callbacks:
            callback()


async def _once(sampler: Sampler) -> None:
    try:
        await sampler.round()
    finally:
        await sampler.server.aclose()


def fleet() -> Fleet:
    """The one of this process."""
    config: Any = apps.get_containing_app_config(__name__)
    found: Fleet = config.fleet
    return found
