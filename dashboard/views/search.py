"""Search: streams, groups, consumers by a part of their name, in the fleet's latest sample; or entries by their ID."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard.accounts.access import require, visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.fleet.store import StreamState, freshen, matches, visible
from dashboard.http import params
from dashboard.http.converters import to_address
from dashboard.streams.errors import BadId, NotAllowed, StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import EntryRange, Together
from dashboard.streams.snapshots import Page

MOST = 100
"""Results shown, and streams of one server that are asked for an entry ID."""
EACH = 5
"""Entries of one millisecond that a stream shows."""
IDs = tuple[StreamId, StreamId]
"""The first and the last that are looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found: a stream; its group when `group` is set; the consumer of that, or the entry, when these are."""

    server: Server
    stream: bytes
    group: bytes | None = None
    consumer: bytes | None = None
    id: StreamId | None = None

    @property
    def filter(self) -> str:
        """What makes the page of the group one of this consumer."""
        return "" if self.consumer is None else params.address({"consumer": to_address(self.consumer)})


def search(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    require(principal, Permission.SEE)
    text = params.text(request.GET, "q").strip()
    known = [(s, freshen(s)) for s in visible_servers(principal)]
    ids = _as_ids(text)
    hits: list[Hit] = []
    unasked: list[tuple[Server, str]] = []
    for server, snapshot in known if text else []:
        trouble, states = snapshot.error or snapshot.gaps, visible(principal, snapshot)
        try:
            hits.extend(_holding(server, states, ids) if ids else _named(server, states, text))
        except StreamError as error:
            trouble = error.message
        if trouble:
            unasked.append((server, trouble))
    if len(hits) == 1 and hits[0].id:
        return redirect("entry", hits[0].server.name, hits[0].stream, hits[0].id)
    context = {
        "q": text,
        "is_id": ids is not None,
        "hits": hits[:MOST],
        "left_out": max(0, len(hits) - MOST),
        "unasked": unasked,
    }
    return render(request, "streamgauge/search.html", context)


def _as_ids(text: str) -> IDs | None:
    """An ID, or the milliseconds of one: all that were added then. Other numbers may well be names."""
    try:
        first, last = StreamId.bound(text), StreamId.bound(text, upper=True)
    except BadId:
        return None
    return (first, last) if first == last or first.time() else None


def _named(server: Server, states: Sequence[StreamState], text: str) -> Iterator[Hit]:
    """Streams first, then groups, then consumers: those of groups in which something is pending or undelivered."""
    groups = [(state.key, group) for state in states for group in state.sample.groups]
    yield from (Hit(server, state.key) for state in states if matches(state.key, text))
    yield from (Hit(server, key, group.facts.name) for key, group in groups if matches(group.facts.name, text))
    for key, group in groups:
        names = [consumer.name for consumer in group.consumers]
        yield from (Hit(server, key, group.facts.name, name) for name in names if matches(name, text))


def _holding(server: Server, states: Sequence[StreamState], ids: IDs) -> Iterator[Hit]:
    """The streams that have an entry of these IDs: one bounded XRANGE each, in one round trip. Raises StreamError."""
    asked = [state.key for state in states[:MOST]]
    if not asked:
        return
    found = server.run(Together(tuple(EntryRange(key, *ids, limit=EACH) for key in asked)))
    for key, page in zip(asked, found, strict=True):
        if isinstance(page, NotAllowed):
            raise page
        if isinstance(page, Page):
            yield from (Hit(server, key, id=entry.id) for entry in page.items)
