"""Search: streams and groups by a part of their name, or an entry by its ID. From the fleet's latest sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard import params
from dashboard.access import Permission, actor_of, require, visible_servers
from dashboard.fleet.reading import matches, visible
from dashboard.fleet.sampler import freshen
from dashboard.fleet.snapshot import StreamState
from dashboard.streams.errors import BadId, NotAllowed, StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import EntryRange, Together
from dashboard.streams.servers import Server
from dashboard.streams.snapshots import Page

MOST = 100
"""Results shown, and streams of one server that are asked for an entry ID."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found: a stream, a group of it when `group` is set, an entry when `id` is."""

    server: Server
    stream: bytes
    group: bytes | None = None
    id: StreamId | None = None


def search(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    require(actor, Permission.SEE)
    text = params.text(request.GET, "q").strip()
    known = [(s, freshen(s)) for s in visible_servers(actor)]
    id_ = _as_id(text)
    hits: list[Hit] = []
    unasked = [(s, snapshot.error or snapshot.gaps) for s, snapshot in known if snapshot.error or snapshot.gaps]
    for server, snapshot in known if text else []:
        states = visible(actor, snapshot)
        try:
            hits.extend(_holding(server, states, id_) if id_ else _named(server, states, text))
        except StreamError as error:
            unasked.append((server, error.message))
    if len(hits) == 1 and hits[0].id:
        return redirect("entry", hits[0].server.name, hits[0].stream, hits[0].id)
    context = {
        "q": text,
        "is_id": id_ is not None,
        "hits": hits[:MOST],
        "left_out": max(0, len(hits) - MOST),
        "unasked": unasked,
    }
    return render(request, "dashboard/search.html", context)


def _as_id(text: str) -> StreamId | None:
    try:
        return StreamId.parse(text)
    except BadId:
        return None


def _named(server: Server, states: Sequence[StreamState], text: str) -> Iterator[Hit]:
    """Streams first, then groups."""
    yield from (Hit(server, state.key) for state in states if matches(state.key, text))
    for state in states:
        names = [group.facts.name for group in state.sample.groups]
        yield from (Hit(server, state.key, name) for name in names if matches(name, text))


def _holding(server: Server, states: Sequence[StreamState], id_: StreamId) -> Iterator[Hit]:
    """The streams that have an entry of this ID: one bounded XRANGE each, in one round trip. Raises StreamError."""
    asked = [state.key for state in states[:MOST]]
    if not asked:
        return
    found = server.run(Together(tuple(EntryRange(key, id_, id_, limit=1) for key in asked)))
    for key, page in zip(asked, found, strict=True):
        if isinstance(page, NotAllowed):
            raise page
        if isinstance(page, Page) and page.items:
            yield Hit(server, key, id=id_)
