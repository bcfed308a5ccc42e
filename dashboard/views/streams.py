"""All streams of a server: searched, sorted, folded by prefix, from the fleet's latest sample. Memory is asked live."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.fleet.store import freshen, streams_counted
from dashboard.streams.figures import Figure
from dashboard.streams.links import Server
from dashboard.views.server.weights import memory_of
from dashboard.views.stream_list import HEALTHS, Asked, Known, Listed, Row, rows_of
from dashboard.views.tail import page as tail
from dashboard.views.watched import watched

COLUMNS = (
    ("name", "Name"),
    ("-length", "Length"),
    ("-in_rate", "In"),
    ("-last", "Last entry"),
    ("-groups", "Groups"),
    ("-pending", "Pending"),
    ("-lag", "Worst lag"),
    ("-oldest", "Oldest pending"),
)


def streams(request: HttpRequest, server: str) -> HttpResponse:
    here = watched(request, server)
    asked = Asked.of(request.GET)
    snapshot = freshen(here.server)
    count = streams_counted(here.principal, snapshot)
    known = Known(here.principal, snapshot)
    listed = known.listed(asked)
    rows = listed.rows if not asked.opened else rows_of(listed.states, asked)
    shown = rows[asked.start : asked.start + asked.limit]
    context = {
        "server": here.server,
        "snapshot": snapshot,
        "at_ms": snapshot.at_ms,
        "rows": _weighed(here.server, shown) if not snapshot.error else shown,
        "count": count,
        "found": len(listed.states),
        "folds": listed.folds if not asked.opened else sum(bool(row.prefix) for row in rows),
        "asked": asked,
        "columns": [_column(asked, sort, label) for sort, label in COLUMNS],
        "by_health": asked.address(sort=""),
        "healths": [(h, asked.address(health=h), _found(listed, h, count)) for h in HEALTHS],
        "tail": tail.address(here.server.name, (state.key for state in listed.states)),
        "newer": asked.address(start=max(0, asked.start - asked.limit) or "") if asked.start else "",
        "older": asked.address(start=asked.start + asked.limit) if asked.start + asked.limit < len(rows) else "",
        "server_time_ms": snapshot.present_ms,
    }
    return render(request, "streamgauge/streams.html", context)


def _found(listed: Listed, health: str, count: Figure) -> int | None:
    """Streams of that health, or all of them; None where nobody knows whether there are any."""
    if count.value is None:
        return None
    return listed.healths[health] if health else listed.healths.total()


def _column(asked: Asked, sort: str, label: str) -> dict[str, str]:
    """A column's head: sorts by it, and the other way round when it is sorted by already."""
    name = sort.lstrip("-")
    current = asked.sort.lstrip("-") == name
    turned = asked.sort.removeprefix("-") if asked.sort.startswith("-") else f"-{asked.sort}"
    direction = "descending" if asked.sort.startswith("-") else "ascending"
    url = asked.address(sort=turned if current else sort)
    return {"label": label, "url": url, "direction": direction if current else "", "name": name}


def _weighed(server: Server, rows: Sequence[Row]) -> list[Row]:
    """Rows with their memory: one MEMORY USAGE per stream shown, in one round trip."""
    weights = memory_of(server, tuple(row.state.key for row in rows if not row.prefix))
    return [row if row.prefix else Row(row.members, weights[row.state.key], child=row.child) for row in rows]
