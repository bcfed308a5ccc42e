"""What an action takes away, page by page: read for a download before it is run, never more than a page in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.streams.ids import StreamId
from dashboard.streams.queries import PAGE_MAX, FactsQuery, fitting
from dashboard.streams.snapshots import Entry, PendingEntry
from streams_admin.actions.context import Scope
from streams_admin.actions.reads.entries import AT_ONCE, pages, read
from streams_admin.actions.reads.pending import matching
from streams_admin.params.selection import Filter


def named(scope: Scope, ids: Sequence[StreamId]) -> Iterator[Sequence[Entry]]:
    """Those of these entries that are there."""
    size = _room(scope, AT_ONCE)
    for at in range(0, len(ids), size):
        yield [entry for entry in read(scope, ids[at : at + size]).values() if entry]


def ranged(scope: Scope, start: StreamId, end: StreamId, most: int | None = None) -> Iterator[Sequence[Entry]]:
    """The entries from `start` to `end`, both included; the first `most` of them. Raises Gone."""
    scope.server.run(FactsQuery(scope.key))  # of a stream that is gone XRANGE says no more than that it is empty
    yield from (page.items for page in pages(scope, scope.key, start, end, most=most))


def pending(
    scope: Scope, group: bytes, consumer: bytes | None = None, only: Filter | None = None
) -> Iterator[Sequence[PendingEntry]]:
    """What the group, or one consumer of it, has pending, with the bodies that are still there; of that `only`."""
    chosen = only or Filter(consumer=consumer)
    at: StreamId | None = chosen.start
    size, left = _room(scope, PAGE_MAX), chosen.limit
    while at is not None and left != 0:
        page = scope.server.run(matching(scope, group, chosen, at, limit=size))
        found = page.items if left is None else page.items[:left]
        yield found
        at, left = page.next, None if left is None else left - len(found)


def _room(scope: Scope, most: int) -> int:
    return fitting(most, scope.server.run(FactsQuery(scope.key)).entry_bytes)
