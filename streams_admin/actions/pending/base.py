"""What ack, claim and their like share: the pending entries meant, and leaving alone what changed meanwhile."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from dashboard.streams.errors import Gone
from dashboard.streams.names import plain
from dashboard.streams.queries import Query
from dashboard.streams.snapshots import GroupOverview
from streams_admin.actions.base import Action, ActionContext, Batch, Preview, Seen
from streams_admin.actions.pending.unchanged import named, seen_of
from streams_admin.actions.reads.matching import Matching
from streams_admin.actions.reads.pending import Looked, group_overview, look_at
from streams_admin.errors import Changed
from streams_admin.models import OTHERS
from streams_admin.params.pending import PendingParams

Pending = TypeVar("Pending", bound=PendingParams)
FIGURES = 100
"""Consumers whose figures are read before and after."""
BATCHES_BEFORE = 3
"""Batches that are looked through before anything is done: whether any entry is as it was."""


class PendingAction(Action[Pending]):
    """An action on pending entries of one group."""

    about = "pending"
    pieces = True

    def look(self, ctx: ActionContext[Pending]) -> tuple[Preview, Seen]:
        looked = self.looked(ctx)
        if not looked.total:
            raise Changed("No pending entries match: they were acknowledged or claimed in the meantime.")
        return self.preview(ctx, looked), {**seen_of(ctx, looked), **self.remember(ctx, looked)}

    def looked(self, ctx: ActionContext[Pending]) -> Looked:
        return look_at(ctx)

    @abstractmethod
    def preview(self, ctx: ActionContext[Pending], looked: Looked) -> Preview:
        """What would be done, in words and counts."""

    def remember(self, ctx: ActionContext[Pending], looked: Looked) -> Seen:
        """What `changed` compares with, beside the entries."""
        return {}

    def changed(self, ctx: ActionContext[Pending], seen: Seen) -> str:
        try:
            overview = group_overview(ctx, ctx.params.group)
        except Gone:
            return "The stream or the group no longer exists."
        if not overview.pending.count and not seen.get("forced"):
            return "Nothing is pending in the group any more."
        return self.still(ctx, seen, overview) or self._any_left(ctx, seen)

    def still(self, ctx: ActionContext[Pending], seen: Seen, overview: GroupOverview) -> str:
        """As `changed`, for what a subclass depends on."""
        return ""

    def _any_left(self, ctx: ActionContext[Pending], seen: Seen) -> str:
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

    def batch(self, ctx: ActionContext[Pending], seen: Seen, cursor: Any) -> Batch:
        return named(ctx, seen, cursor or 0) if "ids" in seen else ctx.server.run(self.page(ctx, seen, cursor))

    def page(self, ctx: ActionContext[Pending], seen: Seen, cursor: Any) -> Query[Batch]:
        """The next entries that match a filter."""
        return Matching.of(ctx, seen, cursor)

    def reading(self, ctx: ActionContext[Pending], seen: Seen, cursor: Any) -> Query[Batch] | None:
        return None if "ids" in seen else self.page(ctx, seen, cursor)

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
