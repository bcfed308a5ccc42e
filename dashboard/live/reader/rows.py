"""The rows of the entries table as one audience sees them: drawn once, for all pages that show the same columns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from dashboard.display.rows import Sight
from dashboard.live.parts import Part
from dashboard.live.reader.log import Log
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry

log = logging.getLogger(__name__)

ROWS = 50
"""Rows that are drawn in a second: more cannot be followed by anybody. The newest are, the others are counted."""
KEPT = 200
"""Drawn rows that are kept: as many as a page shows."""
Draw = Callable[[Sequence[Entry]], Awaitable[list[Part]]]


class Rows(Log):
    """A log whose entries are there when they are drawn. `drawn`: called when there are new ones."""

    most = KEPT

    def __init__(
        self, start: StreamId, keep: Callable[[Entry], bool], sight: Sight, draw: Draw, drawn: Callable[[], None]
    ) -> None:
        super().__init__(start)
        self._wants, self._sight, self._draw, self._drawn = keep, sight, draw, drawn
        self._undrawn: list[Entry] = []
        self._left_out = self._drawing = 0
        self._left_upto = self._read = start
        self._task: asyncio.Task[None] | None = None

    def append(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._read = entry.id
            if self._wants(entry):
                self._undrawn.append(entry)
        if beyond := max(0, len(self._undrawn) - ROWS):
            self._left_upto = self._undrawn[beyond - 1].id
            del self._undrawn[:beyond]
            self._left_out += beyond
        if self._undrawn and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leap(self, upto: StreamId, count: int) -> None:
        self._left_out += count + len(self._undrawn)
        self._undrawn.clear()
        self._left_upto = self._read = upto

    @property
    def unseen(self) -> int:
        return self._left_out + self._drawing + len(self._undrawn)

    @property
    def read(self) -> StreamId:
        return self._read

    def close(self) -> None:
        """Nobody looks any more."""
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        while self._undrawn:
            entries, self._undrawn = self._undrawn, []
            left_out, self._left_out, left_upto, read = self._left_out, 0, self._left_upto, self._read
            self._drawing = left_out + len(entries)
            try:
                parts = await self._draw(entries)
            except Exception:
                log.exception("Rows of new entries could not be drawn")
                self._left_out, self._drawing = self._left_out + self._drawing, 0
                self._left_upto = max(self._left_upto, entries[-1].id)
                continue
            self._drawing = 0
            if left_out:
                super().leap(left_upto, left_out)
            self._take_in(entries, parts, read)
            self._drawn()
            await asyncio.sleep(len(entries) / ROWS)

    def _take_in(self, entries: list[Entry], parts: list[Part], read: StreamId) -> None:
        self._parts.setdefault(self._sight, {}).update(enumerate(parts, self.end))
        super().append(entries)
        self.seen = max(self.seen, read)
