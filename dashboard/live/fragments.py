"""Rows of the entries table, drawn by the template the page itself uses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import set_script_prefix

from dashboard.display.rows import CELL, Sight, entry_row
from dashboard.live.framing import PART_BYTES, drawn
from dashboard.live.parts import Part
from dashboard.streams.links import Server
from dashboard.streams.payloads.budget import decoding_budget
from dashboard.streams.snapshots import Entry

ROW = "streamgauge/live/_entry_row.html"


CELLS = (CELL, 24, 4)
"""Characters of a value in a cell, tried in turn until the row fits into a frame."""


async def entry_rows(
    entries: Sequence[Entry], server: Server, key: bytes, seen: Sight, columns: tuple[bytes, ...]
) -> list[Part]:
    """Each with its `<tr>`, at most PART_BYTES, in a worker thread: templates would hold up the event loop."""
    return await asyncio.to_thread(_draw, entries, server, key, seen, columns)


def _draw(entries: Sequence[Entry], server: Server, key: bytes, seen: Sight, columns: tuple[bytes, ...]) -> list[Part]:
    set_script_prefix(settings.FORCE_SCRIPT_NAME or "/")
    shared: dict[str, object] = {"server": server, "stream": key, "now_ms": int(time.time() * 1000)}
    with decoding_budget():
        return [_row(entry, shared, seen, columns) for entry in entries]


def _row(entry: Entry, shared: dict[str, object], seen: Sight, columns: tuple[bytes, ...]) -> Part:
    for cell in CELLS:
        html = str(render_to_string(ROW, {**shared, "row": entry_row(entry, seen, columns, cell=cell)}))
        part = drawn(entry, html, seen)
        if part.size <= PART_BYTES:
            break
    return part
