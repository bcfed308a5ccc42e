"""Reading pending lists: a group, a page of what matches, entries by ID, and the server's clock beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Self

from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import GroupQuery, PendingQuery, Query, Together
from dashboard.streams.replies import Reply, server_ms
from dashboard.streams.snapshots import GroupOverview, PendingEntry
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.work import Batch, Place
from streams_admin.params.kinds import EntryId, PathName
from streams_admin.params.pending import OfGroup
from streams_admin.params.selection import Filter

SLACK_MS = 3
"""Two readings of one delivery time differ by no more: clock and entries are read in one round trip."""


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


def group_overview(scope: Scope, group: bytes) -> GroupOverview:
    """A group and its consumers, read now. Raises Gone."""
    return scope.server.run(GroupQuery(scope.key, group, scope.server.capabilities()))


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


Row = list[Any]
"""A pending entry as XPENDING tells it: ID, consumer, idle time in ms, deliveries."""
_HELD = itemgetter(1, 3, 2)


class PendingWork(NamedTuple):
    """Pending entries that are held alike: by whom, delivered how often, and idle for how long when they were read.

    `since`: the last ID of the stream that they are copied to, before they are.
    """

    ids: str
    consumer: PathName
    deliveries: int
    idle_ms: int
    since: EntryId | None = None

    def only(self, ids: str) -> Self:
        return self._replace(ids=ids)


PendingBatch = Batch[PendingWork, Place]


def as_work(rows: Iterable[Row]) -> list[PendingWork]:
    """As a batch keeps them: neighbours that are held alike in one piece."""
    return [
        PendingWork(b" ".join([row[0] for row in same]).decode(), consumer, deliveries, max(idle_ms, 0))
        for (consumer, deliveries, idle_ms), same in groupby(rows, key=_HELD)
    ]


def aged(work: Iterable[PendingWork], ms: int) -> list[PendingWork]:
    """Pending entries as they are when nobody has touched them for `ms` since they were read.

    The idle time is what XCLAIM compares with: it must not let pass what was touched since.
    """
    return [PendingWork(i.ids, i.consumer, i.deliveries, i.idle_ms + ms, i.since) for i in work]
