"""What ack, claim and their like share: the pending entries meant, and leaving alone what changed meanwhile."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from dashboard.accounts.permissions import Permission
from dashboard.streams.errors import Gone
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import Query
from dashboard.streams.snapshots import GroupOverview
from streams_admin import writes
from streams_admin.actions.base import Action
from streams_admin.actions.context import ActionContext
from streams_admin.actions.lines import lines
from streams_admin.actions.pending.look import look_at
from streams_admin.actions.pending.unchanged import lease_batches, leases, named, not_done, seen_of
from streams_admin.actions.preview import Preview
from streams_admin.actions.reads.matching import Matching
from streams_admin.actions.reads.pending import PendingBatch, PendingWork, aged, group_overview, read_pending
from streams_admin.actions.reads.snapshots import EachSeen, Looked, MatchSeen, PendingSeen
from streams_admin.actions.work import Done, Place, ids_of
from streams_admin.errors import Changed
from streams_admin.models import OTHERS
from streams_admin.params.pending import PendingParams

Pending = TypeVar("Pending", bound=PendingParams)
FIGURES = 100
"""Consumers whose figures are read before and after."""
BATCHES_BEFORE = 3
"""Batches that are looked through before anything is done: whether any entry is as it was."""
ACK_RESULT = {1: "done", 0: "already_acknowledged", -1: "owner_changed"}


class PendingAction(Action[Pending, PendingSeen, PendingWork, Place]):
    """An action on pending entries of one group."""

    seen_model = PendingSeen
    work_model = PendingWork
    cursor_model = Place
    about = "pending"
    pieces = True

    def look(self, ctx: ActionContext[Pending]) -> tuple[Preview, PendingSeen]:
        looked = self.looked(ctx)
        if not looked.total:
            raise Changed("No pending entries match: they were acknowledged or claimed in the meantime.")
        return self.preview(ctx, looked), self.remember(ctx, looked, seen_of(ctx, looked))

    def looked(self, ctx: ActionContext[Pending]) -> Looked:
        return look_at(ctx)

    @abstractmethod
    def preview(self, ctx: ActionContext[Pending], looked: Looked) -> Preview:
        """What would be done, in words and counts."""

    def remember(self, ctx: ActionContext[Pending], looked: Looked, seen: PendingSeen) -> PendingSeen:
        """`seen` with what `changed` compares with beside the entries."""
        return seen

    def changed(self, ctx: ActionContext[Pending], seen: PendingSeen) -> str:
        try:
            overview = group_overview(ctx, ctx.params.group)
        except Gone:
            return "The stream or the group no longer exists."
        if not overview.pending.count and not seen.forced:
            return "Nothing is pending in the group any more."
        return self.still(ctx, seen, overview) or self._any_left(ctx, seen)

    def still(self, ctx: ActionContext[Pending], seen: PendingSeen, overview: GroupOverview) -> str:
        """As `changed`, for what a subclass depends on."""
        return ""

    def _any_left(self, ctx: ActionContext[Pending], seen: PendingSeen) -> str:
        """At least one of them is as it was; in a long list that shows only on the way."""
        cursor = None
        for _ in range(BATCHES_BEFORE):
            batch = self.batch(ctx, seen, cursor)
            if batch.work:
                return ""
            if batch.last:
                return (
                    "None of the entries are unchanged: they were acknowledged, redelivered or claimed in the meantime."
                )
            cursor = batch.cursor
        return ""

    def batch(self, ctx: ActionContext[Pending], seen: PendingSeen, cursor: Place | None) -> PendingBatch:
        if isinstance(seen.which, EachSeen):
            return named(ctx, seen.which, cursor.taken if cursor else 0)
        return ctx.server.run(self.page(ctx, seen.which, cursor))

    def page(self, ctx: ActionContext[Pending], seen: MatchSeen, cursor: Place | None) -> Query[PendingBatch]:
        """The next entries that match a filter."""
        return Matching.of(ctx, seen, cursor)

    def reading(
        self, ctx: ActionContext[Pending], seen: PendingSeen, cursor: Place | None
    ) -> Query[PendingBatch] | None:
        return None if isinstance(seen.which, EachSeen) else self.page(ctx, seen.which, cursor)

    def aged(self, work: Sequence[PendingWork], ms: int) -> Sequence[PendingWork]:
        return aged(work, ms)

    def absent(self, seen: PendingSeen) -> Sequence[StreamId]:
        return seen.which.absent if isinstance(seen.which, EachSeen) else ()

    def figures(self, ctx: ActionContext[Pending]) -> list[list[Any]]:
        overview = group_overview(ctx, ctx.params.group)
        oldest = overview.group.oldest
        idle = [["oldest idle, s", max(0, oldest.idle_ms) // 1000]] if oldest else []
        return [["pending", overview.pending.count], *held_figures(overview.pending.consumers), *idle]


def held_figures(consumers: Sequence[tuple[bytes, int]]) -> list[list[Any]]:
    """What each consumer holds; of very many the last ones in one figure."""
    shown, rest = consumers[:FIGURES], consumers[FIGURES:]
    others = [[OTHERS, sum(count for _, count in rest)]] if rest else []
    return [*([f"pending with {plain(name) or 'nobody'}", count] for name, count in shown), *others]


class Acknowledging(PendingAction[Pending]):
    """What takes entries off the pending list."""

    permission = Permission.ACK
    late_safe = True
    apart = "An entry that is delivered again just in between is acknowledged all the same."

    def act(self, ctx: ActionContext[Pending], seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        replies = writes.ack(ctx.server, ctx.key, ctx.params.group, lease_batches(work), retried=ctx.params.again)
        if replies is None:
            return Done.uniform("done", work)
        return Done.of((id_, ACK_RESULT[reply]) for id_, reply in zip(ids_of(work), replies, strict=True))

    def reconcile(self, ctx: ActionContext[Pending], seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        """What is not pending any more was acknowledged, by us or by its worker: the same to everybody."""
        entries = leases(work)
        left = {entry.id: entry for entry in read_pending(ctx, [e.id for e in entries])}
        done = [(str(e.id), "done") for e in entries if e.id not in left]
        return Done.of(done + not_done(ctx, [e for e in entries if e.id in left], left))


def acked_lines(ctx: ActionContext[PendingParams], looked: Looked) -> list[str]:
    ids = [entry.id for entry in looked.entries]
    return lines(lambda some: [writes.ack_argv(ctx.key, ctx.params.group, some)], ids, looked.total)
