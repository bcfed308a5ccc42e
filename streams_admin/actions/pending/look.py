"""Finding the pending entries that a plan means: by ID or by filter, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import GroupOverview, PendingEntry
from streams_admin.actions.context import BATCH, ActionContext, Scope
from streams_admin.actions.reads.entries import bodies_of
from streams_admin.actions.reads.pending import CLOCK, ask_all, each_pending, group_overview, matching
from streams_admin.actions.reads.snapshots import Looked
from streams_admin.params.pending import OfGroup, PendingParams
from streams_admin.params.selection import Filter

COUNT_UP_TO = 10_000
"""Entries a plan looks at to count what matches; more are "at least"."""
BODIES = 200
"""Entries a plan looks for the body of."""


def look_at(ctx: ActionContext[PendingParams]) -> Looked:
    """The entries meant, counted up to COUNT_UP_TO, some looked at for their bodies."""
    ids, chosen = ctx.params.named, ctx.params.matching
    overview = group_overview(ctx, ctx.params.group)
    entries, least, read_ms = _by_ids(ctx, ids) if ids else _by_filter(ctx, chosen)
    found = {entry.id for entry in entries}
    looked = _with_bodies(ctx, entries[:BODIES])
    simple = not ids and chosen == Filter(consumer=chosen.consumer)
    held = _held(overview, chosen.consumer) if simple and least else ()
    total = sum(count for _, count in held) if simple and least else len(entries)
    return Looked(
        overview=overview,
        entries=(*looked, *entries[BODIES:]),
        absent=tuple(id_ for id_ in ids if id_ not in found),
        total=total if chosen.limit is None else min(total, chosen.limit),
        least=least and not simple,
        ghosts=sum(entry.body == "gone" for entry in looked),
        bodies_looked=len(looked),
        read_ms=read_ms,
        held=held,
    )


def _held(overview: GroupOverview, consumer: bytes | None) -> tuple[tuple[bytes, int], ...]:
    """What each consumer holds, or the one that is meant: the server counts that itself."""
    return tuple((name, count) for name, count in overview.pending.consumers if consumer in (None, name))


Listed = tuple[tuple[PendingEntry, ...], bool, int]
"""Entries, whether there may be more, and the server's clock just after the last of them was read."""


def _by_ids(ctx: ActionContext[OfGroup], ids: Sequence[StreamId]) -> Listed:
    found: list[PendingEntry] = []
    read_ms = 0
    for at in range(0, len(ids), BATCH):
        *pages, read_ms = ask_all(ctx, *each_pending(ctx, ids[at : at + BATCH]), CLOCK)
        found.extend(entry for page in pages for entry in page.items)
    return tuple(found), False, read_ms


def _by_filter(ctx: ActionContext[OfGroup], chosen: Filter) -> Listed:
    """Matching entries up to COUNT_UP_TO looked at."""
    found: list[PendingEntry] = []
    start, looked = chosen.start, 0
    while looked < COUNT_UP_TO:
        page, read_ms = ask_all(ctx, matching(ctx, ctx.params.group, chosen, start, limit=BATCH, bodies=False), CLOCK)
        found.extend(page.items)
        looked += page.scanned
        if page.next is None or (chosen.limit is not None and len(found) >= chosen.limit):
            return tuple(found[: chosen.limit]), False, read_ms
        start = page.next
    return tuple(found), True, read_ms


def _with_bodies(ctx: Scope, entries: Sequence[PendingEntry]) -> list[PendingEntry]:
    there = bodies_of(ctx, [entry.id for entry in entries])
    return [replace(entry, body="present" if known else "gone") for entry, known in zip(entries, there, strict=True)]
