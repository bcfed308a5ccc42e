"""What an action takes away, page by page: read for a download before it is run, never more than a page in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.streams.ids import StreamId
from dashboard.streams.queries import PAGE_MAX, FactsQuery, fitting
from dashboard.streams.snapshots import Entry, PendingEntry
from streams_admin.actions.base import ActionContext
from streams_admin.actions.reads.entries import AT_ONCE, matching, pages, read
from streams_admin.params.which import Which


def named(ctx: ActionContext, ids: Sequence[str]) -> Iterator[Sequence[Entry]]:
    """Those of these entries that are there."""
    size = _room(ctx, AT_ONCE)
    for at in range(0, len(ids), size):
        yield [entry for entry in read(ctx, ids[at : at + size]).values() if entry]


def ranged(ctx: ActionContext, start: StreamId, end: StreamId, most: int | None = None) -> Iterator[Sequence[Entry]]:
    """The entries from `start` to `end`, both included; the first `most` of them. Raises Gone."""
    ctx.server.run(FactsQuery(ctx.key))  # of a stream that is gone XRANGE says no more than that it is empty
    yield from (page.items for page in pages(ctx, ctx.key, start, end, most=most))


def pending(
    ctx: ActionContext, group: bytes, consumer: bytes | None = None, which: Which | None = None
) -> Iterator[Sequence[PendingEntry]]:
    """What the group, or one consumer of it, has pending, with the bodies that are still there; of that `which`."""
    chosen = which or Which(consumer=consumer)
    at: StreamId | None = chosen.start
    size, left = _room(ctx, PAGE_MAX), chosen.limit
    while at is not None and left != 0:
        page = ctx.server.run(matching(ctx, group, chosen, at, limit=size))
        found = page.items if left is None else page.items[:left]
        yield found
        at, left = page.next, None if left is None else left - len(found)


def _room(ctx: ActionContext, most: int) -> int:
    return fitting(most, ctx.server.run(FactsQuery(ctx.key)).entry_bytes)
