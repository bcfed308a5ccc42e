"""Reading a long pending list on the way: a page that costs one round trip and, per entry, next to nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.streams.ids import StreamId
from dashboard.streams.queries import LOOK_MAX, Command, Query
from dashboard.streams.replies import Reply, need, server_ms
from streams_admin.actions.context import BATCH, ActionContext
from streams_admin.actions.reads.pending import SLACK_MS, PendingBatch, Row, as_work
from streams_admin.actions.reads.snapshots import MatchSeen
from streams_admin.actions.work import Batch, Place
from streams_admin.params.pending import PendingParams
from streams_admin.params.selection import Filter

WIDER = LOOK_MAX // BATCH
"""Times as many entries are looked at as there is room for, where few of them may match."""


@dataclass(frozen=True)
class Matching(Query[PendingBatch]):
    """The next entries that match the filter and were not touched since the plan was made.

    Rows stay as the server sent them: there may be a million. One more is asked for, to know whether the list goes on.
    """

    key: bytes
    group: bytes
    chosen: Filter
    latest_ms: int
    room: int
    taken: int
    total: int | None
    ends: bool
    """Whether what is in `room` ends the plan's limit."""
    look: int
    """Entries that are looked at: more than there is room for where few of them may match."""
    all_meant: bool
    """Whether all that is pending there was planned: what was touched is told then, what is gone was acknowledged."""

    @classmethod
    def of(cls, ctx: ActionContext[PendingParams], seen: MatchSeen, cursor: Place | None) -> Matching:
        chosen = ctx.params.matching
        start = cursor.at if cursor and cursor.at else chosen.start
        taken = cursor.taken if cursor else 0
        wide = chosen.min_idle_ms > 0 or chosen.min_deliveries > 1 or bool(cursor and cursor.wide)
        left = ctx.most if seen.limit is None else max(0, seen.limit - taken)
        room = min(ctx.most, left)
        return cls(
            key=ctx.key,
            group=ctx.params.group,
            chosen=chosen.model_copy(update={"start": start, "end": seen.end}),
            latest_ms=seen.at_ms - seen.guard_ms + SLACK_MS,
            room=room,
            look=ctx.most * WIDER if wide else room,
            taken=taken,
            total=seen.total,
            ends=seen.limit is not None and left <= ctx.most,
            all_meant=chosen.consumer is None
            and chosen.min_idle_ms == 0
            and chosen.min_deliveries <= 1
            and seen.limit is None,
        )

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        of: Command = () if self.chosen.consumer is None else (self.chosen.consumer,)
        start, end = str(self.chosen.start), str(self.chosen.end)
        return [("TIME",), ("XPENDING", self.key, self.group, start, end, self.look + 1, *of)]

    def parse(self, replies: Sequence[Reply]) -> PendingBatch:
        rows = need(replies[1])
        least_ms, least = server_ms(replies[0]) - self.latest_ms, self.chosen.min_deliveries
        looked = rows[: self.look]
        same = [row for row in looked if (row[2] >= least_ms or row[2] < 0) and row[3] >= least]
        full, more = len(same) > self.room, len(rows) > len(looked)
        kept = same[: self.room]
        onward = _behind(kept if full else looked, self.chosen.start) if full or more else self.chosen.start
        touched = self._touched(looked, same, kept) if self.all_meant else []
        taken = self.taken + len(kept) + len(touched)
        last = not (full or more) or (self.ends and len(kept) == self.room)
        missing = max(0, self.total - taken) if last and self.total is not None else 0
        at = Place(taken, onward, wide=len(same) < len(looked) // 2)
        passed = Counter({"already_acknowledged" if self.all_meant else "not_found": missing})
        return Batch(as_work(kept), at, [(id_, "owner_changed") for id_ in touched], last, passed)

    def _touched(self, looked: list[Row], same: list[Row], kept: list[Row]) -> list[str]:
        """IDs of what was passed over on the way to the last one that is kept."""
        if len(same) == len(looked):
            return []
        passed = looked[: looked.index(kept[-1])] if len(same) > self.room else looked
        ours = {row[0] for row in kept}
        return [row[0].decode() for row in passed if row[0] not in ours]


def _behind(rows: Sequence[Row], start: StreamId) -> StreamId:
    return StreamId.parse(rows[-1][0]).next() if rows else start
