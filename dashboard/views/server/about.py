"""The server itself, as the last round saw it: role, memory, clients, what it refused, and what looking costs it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.config.active import configured
from dashboard.fleet.store import freshen, streams_counted
from dashboard.http.converters import PATH_MOST
from dashboard.http.error_pages import problem
from dashboard.views.server.heaviest import heaviest
from dashboard.views.watched import watched

MEANINGS = {
    "BUSYGROUP": "a group was created that existed already",
    "ERR": "other errors, most of them mistakes in a command",
    "EXECABORT": "a transaction was given up, since one of its commands was refused",
    "LOADING": "the server was still loading its data",
    "MISCONF": "writes refused: the data cannot be saved to disk",
    "NOAUTH": "a client had not signed in",
    "NOGROUP": "a command named a group that does not exist",
    "NOPERM": "a user may not run the command, or not on that key",
    "NOREPLICAS": "writes refused: too few replicas",
    "NOSCRIPT": "a script was not there yet; clients then send it",
    "OOM": "writes refused: the memory is full",
    "READONLY": "a write was sent to a replica",
    "UNBLOCKED": "a blocking read was ended by the server",
    "WRONGPASS": "a wrong password",
    "WRONGTYPE": "a command on a key of another type",
}
"""What the errors say that programs most often get."""


def about(request: HttpRequest, server: str) -> HttpResponse:
    here = watched(request, server)
    snapshot = freshen(here.server)
    figures = snapshot.figures
    errors = sorted(figures.errors.items(), key=lambda each: (-each[1], each[0])) if figures else []
    saved = figures.persistence.saved_at if figures else None
    context = {
        "server": here.server,
        "facts": here.server.known_facts,
        "snapshot": snapshot,
        "figures": figures,
        "full": f"{100 * figures.memory_bytes // figures.maxmemory_bytes}%"
        if figures and figures.memory_bytes is not None and figures.maxmemory_bytes
        else "",
        "uptime_ms": figures.uptime_s * 1000 if figures and figures.uptime_s is not None else None,
        "saved_ms": saved * 1000 if saved else None,
        "at_ms": snapshot.at_ms,
        "count": streams_counted(here.principal, snapshot),
        "heaviest": heaviest(here.principal, here.server, snapshot),
        "errors": [(code, MEANINGS.get(code, ""), count) for code, count in errors],
        "every_ms": configured().sample_every * 1000,
        "cost_ms": round(snapshot.cost * 1000),
        "server_time_ms": snapshot.present_ms,
    }
    return render(request, "streamgauge/about.html", context)


def name_too_long(request: HttpRequest, server: str) -> HttpResponse:
    """Where the links of a name lead that no address has room for."""
    watched(request, server)
    text = (
        f"The name of this stream, group or consumer takes more than {PATH_MOST:,} characters in an address, which is "
        "more than servers and browsers read. It is counted and judged like any other; use redis-cli to look into it."
    )
    return problem(request, 414, "Name too long for an address", text)
