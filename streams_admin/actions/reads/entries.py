"""Reading a stream: its facts, its groups, a range page by page, and named entries a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.streams.errors import Gone
from dashboard.streams.ids import MAX, StreamId
from dashboard.streams.queries import PAGE_MAX, EntryRange, FactsQuery, StreamQuery, Together
from dashboard.streams.snapshots import Entry, Page, StreamFacts, StreamOverview
from streams_admin.actions.context import Scope

AT_ONCE = 100
"""Named entries that are read in one round trip. Each comes with its body, however heavy."""


def stream_facts(scope: Scope, key: bytes) -> StreamFacts | None:
    """A stream as it is now; None when it is not there. Raises NotAStream."""
    try:
        return scope.server.run(FactsQuery(key))
    except Gone:
        return None


def stream_overview(scope: Scope) -> StreamOverview:
    """The stream of a plan and its groups, read now. Raises Gone."""
    return scope.server.run(StreamQuery(scope.key, scope.server.capabilities()))


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


def bodies_of(scope: Scope, ids: Sequence[StreamId]) -> list[bool]:
    """Whether each entry still has its body. Where that is not told it is taken to be there."""
    return [not isinstance(page, Page) or bool(page.items) for page in each_at(scope, ids)]
