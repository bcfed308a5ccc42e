"""Reading entries: of a stream a range page by page, named ones a part at a time, and pending ones that match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.streams.errors import Gone
from dashboard.streams.ids import MAX, StreamId
from dashboard.streams.queries import PAGE_MAX, EntryRange, FactsQuery, PendingQuery, Together
from dashboard.streams.snapshots import Entry, Page, StreamFacts
from streams_admin.actions.base import Scope
from streams_admin.params.selection import Filter

AT_ONCE = 100
"""Named entries that are read in one round trip. Each comes with its body, however heavy."""


def stream_facts(scope: Scope, key: bytes) -> StreamFacts | None:
    """A stream as it is now; None when it is not there. Raises NotAStream."""
    try:
        return scope.server.run(FactsQuery(key))
    except Gone:
        return None


def pages(
    scope: Scope,
    key: bytes,
    start: StreamId,
    end: StreamId = MAX,
    *,
    most: int | None = None,
    size: int = PAGE_MAX,
) -> Iterator[Page[Entry]]:
    """The entries from `start` to `end`, both included, or the first `most` of them.

    `size` a page, fewer where they weigh what a page may: a bound on pages bounds the bytes too.
    """
    at: StreamId | None = start
    left = most
    while at is not None and left != 0:
        page = scope.server.run(EntryRange(key, at, end, limit=size if left is None else min(size, left)))
        yield page
        at, left = page.next, None if left is None else left - len(page.items)


def matching(
    scope: Scope, group: bytes, chosen: Filter, start: StreamId, *, limit: int, bodies: bool = True
) -> PendingQuery:
    """A page of what is pending in the group and matches, from `start` on."""
    return PendingQuery(
        scope.key,
        group,
        start=start,
        end=chosen.end,
        consumer=chosen.consumer,
        min_idle_ms=chosen.min_idle_ms,
        min_deliveries=chosen.min_deliveries,
        limit=limit,
        bodies=bodies,
    )


def each_at(scope: Scope, ids: Sequence[StreamId]) -> Iterator[Page[Entry] | Exception]:
    """What is at each of these IDs now: a page of one entry or of none, or the error that came instead."""
    for at in range(0, len(ids), AT_ONCE):
        part = ids[at : at + AT_ONCE]
        yield from scope.server.run(Together(tuple(EntryRange(scope.key, i, i, limit=1) for i in part)))


def read(scope: Scope, ids: Sequence[StreamId]) -> dict[StreamId, Entry | None]:
    """The entries of these IDs as they are now; None for those that are not there. Raises StreamError."""
    return {i: _only(page) for i, page in zip(ids, each_at(scope, ids), strict=True)}


def _only(page: Page[Entry] | Exception) -> Entry | None:
    if isinstance(page, Exception):
        raise page
    return page.items[0] if page.items else None
