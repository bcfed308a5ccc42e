"""The page of several streams of a server, followed live as one list, merged by time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dashboard import filters
from dashboard.display.rows import COLUMNS, EntryRow, entry_row, field_names
from dashboard.http.converters import has_address
from dashboard.http.params import BadParameter
from dashboard.streams.names import to_path
from dashboard.streams.snapshots import Entry
from dashboard.views.tail.asked import MOST, Asked
from dashboard.views.tail.sources import Merged, Source, newest, sources
from dashboard.views.watched import Watched, watched

MENU = 40
"""Columns to choose from."""
ADDRESS_CHARS = 4_000
"""Of all names in an address that leads here."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, and the number of its stream on this page."""

    number: int
    stream: bytes
    entry: EntryRow


@dataclass(frozen=True, slots=True)
class Chip:
    """A stream of the page. `number`: None when it is not followed; `without`: the address of the page without it."""

    source: Source
    number: int | None
    without: str


def tail(request: HttpRequest, server: str) -> HttpResponse:
    here = watched(request, server)
    asked = Asked.of(request.GET)
    if asked.add:
        _check(asked)
        return redirect(request.path + asked.added())
    where = filters.parse(asked.where) if asked.where else None
    found = sources(request, here, asked.streams, filtered=where is not None)
    followed = [source for source in found if source.sight]
    merged = newest(here.server, followed, where)
    names = field_names(entry for source, entry in merged.entries if source.sight and source.sight.may_read)
    names = tuple(filter(has_address, names))
    context = {
        "server": here.server,
        "asked": asked,
        "chips": _chips(found, followed, asked),
        "followed": followed,
        "rows": _rows(here, followed, merged, asked.columns),
        "cut": merged.cut,
        "scrolls": len(asked.columns) > COLUMNS,
        "all_columns": dict.fromkeys((*asked.columns, *names[:MENU])),
        "may_add": len(asked.streams) < MOST,
        "server_time_ms": here.snapshot.present_ms,
    }
    return render(request, "streamgauge/tail.html", context)


def _check(asked: Asked) -> None:
    if len(asked.streams) >= MOST:
        raise BadParameter("add", f"At most {MOST} streams can be followed on one page.")


def _chips(found: list[Source], followed: list[Source], asked: Asked) -> list[Chip]:
    numbers = {source.key: number for number, source in enumerate(followed)}
    without = dict(asked.others)
    return [Chip(source, numbers.get(source.key), without[source.key]) for source in found]


def _rows(here: Watched, followed: list[Source], merged: Merged, columns: tuple[bytes, ...]) -> list[Row]:
    numbers = {source.key: number for number, source in enumerate(followed)}
    return [
        Row(numbers[source.key], source.key, _row(here, source, entry, columns)) for source, entry in merged.entries
    ]


def _row(here: Watched, source: Source, entry: Entry, columns: tuple[bytes, ...]) -> EntryRow:
    assert source.sight is not None
    page = reverse("stream", args=(here.server.name, source.key))
    return entry_row(entry, source.sight, columns, open_url=f"{page}?end={entry.id}&open={entry.id}#e-{entry.id}")


def address(server: str, keys: Iterable[bytes]) -> tuple[str, int]:
    """Of the tail of the first of these streams, as many as may be and have room in an address; how many that are."""
    paths: list[str] = []
    for path in map(to_path, islice(keys, MOST)):
        if sum(map(len, paths)) + len(path) > ADDRESS_CHARS:
            break
        paths.append(path)
    return f"{reverse('tail', args=(server,))}?streams={','.join(paths)}", len(paths)
