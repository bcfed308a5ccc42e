"""Finding pending entries: by ID or by filter, bounded, with the server's clock read in the same round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import GroupQuery, PendingQuery, Query, Together
from dashboard.streams.replies import Reply, server_ms
from dashboard.streams.snapshots import GroupOverview, Page, PendingEntry
from streams_admin.actions.base import BATCH, ActionContext, Scope
from streams_admin.actions.reads.entries import each_at, matching
from streams_admin.actions.reads.losses import Loss
from streams_admin.params.pending import OfGroup, PendingParams
from streams_admin.params.selection import Filter

COUNT_UP_TO = 10_000
"""Entries a plan looks at to count what matches; more are "at least"."""
BODIES = 200
"""Entries a plan looks for the body of."""


@dataclass(frozen=True)
class _Now(Query[int]):
    """The server's clock in milliseconds."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[tuple[bytes | str | int, ...]]:
        return [("TIME",)]

    def parse(self, replies: Sequence[Reply]) -> int:
        return server_ms(replies[0])


CLOCK = _Now()


@dataclass(frozen=True, slots=True)
class Looked:
    """What a plan saw of the entries it is about: counted at `overview.now_ms`, each of them read until `read_ms`.

    `forced`: entries that are not pending and will be, counted in `total`. `held`: how many of them each consumer
    holds, where that is known of more entries than were read. `lost`: what other groups lose by it.
    """

    overview: GroupOverview
    entries: tuple[PendingEntry, ...]
    absent: tuple[StreamId, ...]
    total: int
    least: bool
    ghosts: int
    bodies_looked: int
    read_ms: int
    forced: tuple[StreamId, ...] = ()
    held: tuple[tuple[bytes, int], ...] = ()
    lost: tuple[Loss, ...] = ()

    @property
    def all_known(self) -> bool:
        """Whether it is known of each of them who holds it."""
        return bool(self.held) or (not self.least and len(self.entries) + len(self.forced) >= self.total)

    @property
    def guard_ms(self) -> int:
        """The least idle time among them: what is idle for less at the same moment was touched since."""
        return max(0, min((e.idle_ms for e in self.entries), default=0))


def group_overview(scope: Scope, group: bytes) -> GroupOverview:
    """A group and its consumers, read now. Raises Gone."""
    return scope.server.run(GroupQuery(scope.key, group, scope.server.capabilities()))


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


def read_pending(ctx: ActionContext[OfGroup], ids: Sequence[StreamId]) -> list[PendingEntry]:
    """Those of `ids` that are pending in the group, as they are now: one XPENDING each, in one round trip."""
    return [entry for page in ask_all(ctx, *each_pending(ctx, ids)) for entry in page.items]


def each_pending(ctx: ActionContext[OfGroup], ids: Sequence[StreamId]) -> list[PendingQuery]:
    group = ctx.params.group
    return [PendingQuery(ctx.key, group, start=i, end=i, limit=1, bodies=False) for i in ids]


def ask_all(ctx: Scope, *queries: Query[Any]) -> tuple[Any, ...]:
    """The answers, all in one round trip. Raises StreamError."""
    found = ctx.server.run(Together(queries))
    for answer in found:
        if isinstance(answer, StreamError):
            raise answer
    return found


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


def bodies_of(ctx: Scope, ids: Sequence[StreamId]) -> list[bool]:
    """Whether each entry still has its body. Where that is not told it is taken to be there."""
    return [not isinstance(page, Page) or bool(page.items) for page in each_at(ctx, ids)]


def _with_bodies(ctx: Scope, entries: Sequence[PendingEntry]) -> list[PendingEntry]:
    there = bodies_of(ctx, [entry.id for entry in entries])
    return [replace(entry, body="present" if known else "gone") for entry, known in zip(entries, there, strict=True)]
