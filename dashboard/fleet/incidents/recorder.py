"""Keeps the incidents of one server in the database: writes what the ledger wants written, if there is something."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from dashboard.fleet.findings.model import Identity
from dashboard.fleet.incidents.ledger import Changes, Ledger, OpenIncident, Written

log = logging.getLogger(__name__)

LOOK_EVERY = 30.0
"""Seconds after which it is looked whether another process has changed an incident."""
PAUSE = 0.05
"""Seconds between two of many batches: others want to write too."""
AT_ONCE = 50
"""Batches that are written where no loop runs; the rest after the next round."""


class Rows(Protocol):
    """The incidents in the database."""

    def exchange(self, server: str, changes: Changes, *, look: bool, version: object) -> Written:
        """Write the changes of a server, all of them or none; `look`: read what is open, unless it is of `version`.

        Raises DatabaseError.
        """
        ...


class Recorder:
    """Of one server. Where there are no `rows`, nothing is recorded. `changed` is called when what is muted did."""

    def __init__(self, server: str, rows: Rows | None, changed: Callable[[], None]) -> None:
        self.server = server
        self.ledger = Ledger()
        self._rows = rows
        self._changed = changed
        self._version: object = None
        self._looked_at = 0.0
        self._fails = False
        self._due = asyncio.Event()

    def of(self, identity: Identity) -> OpenIncident | None:
        """The incident of a finding; None while it is not recorded."""
        return self.ledger.of(identity)

    def round_is_over(self) -> None:
        """There may be something to write."""
        if self.ledger.unwritten:
            self._due.set()

    async def run(self) -> None:
        """For ever, beside the rounds and never in their way: what the database does not take now is tried later."""
        self._due = asyncio.Event()
        while True:
            changes, look = self.ledger.changes(), self._is_time_to_look()
            if self._rows and (changes or look):
                exchange = sync_to_async(self._exchange, thread_sensitive=False)
                self._take(changes, await exchange(changes, look))
            more = bool(self.ledger.changes()) and not self._fails
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE if more else LOOK_EVERY):
                    await self._due.wait()
            self._due.clear()

    def load(self) -> None:
        """Now and in this thread: what is open in the database, where that may have changed."""
        if self._rows is not None and self._is_time_to_look():
            self._take(Changes(), self._exchange(Changes(), look=True))

    def record(self) -> None:
        """Now and in this thread: where no loop runs."""
        self.load()
        for _ in range(AT_ONCE):
            changes = self.ledger.changes()
            if not changes:
                return
            self._take(changes, self._exchange(changes, look=False))
            if self._fails:
                return

    def _is_time_to_look(self) -> bool:
        return not self.ledger.is_loaded or time.monotonic() - self._looked_at >= LOOK_EVERY

    def _exchange(self, changes: Changes, look: bool) -> Written | Exception:
        """In a thread. An error is a value here: a page, or the loop of the rounds, is not to end by it."""
        assert self._rows is not None
        try:
            return self._rows.exchange(self.server, changes, look=look, version=self._version)
        except Exception as error:
            return error

    def _take(self, changes: Changes, found: Written | Exception) -> None:
        self._say(found)
        self._fails = isinstance(found, Exception)
        if isinstance(found, Exception):
            return
        if found.version is not None:
            self._version, self._looked_at = found.version, time.monotonic()
        if self.ledger.apply(changes, found):
            self._changed()

    def _say(self, found: Written | Exception) -> None:
        """Once when it begins to fail, and once when it works again."""
        if isinstance(found, Exception) and not self._fails:
            ours = None if isinstance(found, DatabaseError) else found
            text = "Incidents of %s are not recorded until the database takes them: %s"
            log.warning(text, self.server, found, exc_info=ours)
        elif not isinstance(found, Exception) and self._fails:
            log.warning("Incidents of %s are recorded again.", self.server)
