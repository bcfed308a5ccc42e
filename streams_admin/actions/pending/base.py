"""What ack, claim and their like share: the pending entries meant, and leaving alone what changed meanwhile."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.streams.errors import Gone
from dashboard.streams.names import plain, to_path
from dashboard.streams.queries import Query
from dashboard.streams.snapshots import GroupOverview
from streams_admin.actions.base import Action, Ask, Batch, Params, Preview, Seen
from streams_admin.actions.pending.unchanged import named, seen_of
from streams_admin.actions.reads.matching import Matching
from streams_admin.actions.reads.pending import Looked, group_overview, look_at
from streams_admin.errors import BadOrder, Changed
from streams_admin.models import OTHERS
from streams_admin.params.which import Which, name

FIGURES = 100
"""Consumers whose figures are read before and after."""
BATCHES_BEFORE = 3
"""Batches that are looked through before anything is done: whether any entry is as it was."""


class PendingAction(Action):
    """An action on pending entries of one group."""

    about = "pending"
    pieces = True

    def clean(self, raw: Mapping[str, Any]) -> Params:
        if raw.get("group") is None:
            raise BadOrder("group is missing: whose pending entries are meant.")
        group = name("group", raw["group"])
        return {"group": to_path(group), **self.which(raw), **self.options(raw)}

    def which(self, raw: Mapping[str, Any]) -> Params:
        """Checked parameters that say which entries."""
        return Which.parse(raw).to_json()

    def options(self, raw: Mapping[str, Any]) -> Params:
        """Checked parameters beside group and which."""
        return {}

    def look(self, ask: Ask) -> tuple[Preview, Seen]:
        looked = self.looked(ask)
        if not looked.total:
            raise Changed("Nothing that is pending matches: it was acknowledged or taken over meanwhile.")
        return self.preview(ask, looked), {**seen_of(ask, looked), **self.remember(ask, looked)}

    def looked(self, ask: Ask) -> Looked:
        return look_at(ask)

    @abstractmethod
    def preview(self, ask: Ask, looked: Looked) -> Preview:
        """What would be done, in words and counts."""

    def remember(self, ask: Ask, looked: Looked) -> Seen:
        """What `changed` compares with, beside the entries."""
        return {}

    def changed(self, ask: Ask, seen: Seen) -> str:
        try:
            overview = group_overview(ask)
        except Gone:
            return "The stream or the group does not exist any more."
        if not overview.pending.count and not seen.get("forced"):
            return "Nothing is pending in the group any more."
        return self.still(ask, seen, overview) or self._any_left(ask, seen)

    def still(self, ask: Ask, seen: Seen, overview: GroupOverview) -> str:
        """As `changed`, for what a subclass depends on."""
        return ""

    def _any_left(self, ask: Ask, seen: Seen) -> str:
        """At least one of them is as it was; in a long list that shows only on the way."""
        cursor = None
        for _ in range(BATCHES_BEFORE):
            batch = self.batch(ask, seen, cursor)
            if batch.work:
                return ""
            if batch.last:
                return "None of the entries is as it was seen: acknowledged, delivered again or claimed meanwhile."
            cursor = batch.cursor
        return ""

    def batch(self, ask: Ask, seen: Seen, cursor: Any) -> Batch:
        return named(ask, seen, cursor or 0) if "ids" in seen else ask.server.run(self.page(ask, seen, cursor))

    def page(self, ask: Ask, seen: Seen, cursor: Any) -> Query[Batch]:
        """The next entries that match a filter."""
        return Matching.of(ask, seen, cursor)

    def reading(self, ask: Ask, seen: Seen, cursor: Any) -> Query[Batch] | None:
        return None if "ids" in seen else self.page(ask, seen, cursor)

    def figures(self, ask: Ask) -> list[list[Any]]:
        overview = group_overview(ask)
        oldest = overview.group.oldest
        idle = [["oldest idle, s", max(0, oldest.idle_ms) // 1000]] if oldest else []
        return [["pending", overview.pending.count], *held_figures(overview.pending.consumers), *idle]


def held_figures(consumers: Sequence[tuple[bytes, int]]) -> list[list[Any]]:
    """What each consumer holds; of very many the last ones in one figure."""
    shown, rest = consumers[:FIGURES], consumers[FIGURES:]
    others = [[OTHERS, sum(count for _, count in rest)]] if rest else []
    return [*([f"pending with {plain(name) or 'nobody'}", count] for name, count in shown), *others]
