"""Ghost clean-up: acknowledge pending entries whose body is gone. What has a body is not touched.

A body that is gone cannot come back: IDs of a stream only grow. So an entry without one can only be acknowledged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboard.display.format import number
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import FactsQuery
from dashboard.streams.snapshots import StreamFacts
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.pending.base import Acknowledging, acked_lines
from streams_admin.actions.pending.look import look_at
from streams_admin.actions.pending.unchanged import each_seen, seen_of
from streams_admin.actions.pending.words import owners, per_consumer, preview_of
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.entries import bodies_of
from streams_admin.actions.reads.pending import PendingBatch
from streams_admin.actions.reads.snapshots import Looked, PendingSeen
from streams_admin.actions.work import Place, ids_of, part_of
from streams_admin.errors import Changed
from streams_admin.params.kinds import IDS_MOST
from streams_admin.params.pending import GhostsParams

LOOK_FOR_BODIES = 1_000
"""Entries within the stream's range that a plan looks for the body of. Below its first ID none has one."""


class Ghosts(Acknowledging[GhostsParams]):
    model = GhostsParams
    slug = "ghosts"
    label = "Clean up…"

    def look(self, ctx: ActionContext[GhostsParams]) -> tuple[Preview, PendingSeen]:
        looked = look_at(ctx)
        found = _only_ghosts(ctx, looked)
        if not found.total:
            raise Changed(f"None of the {number(len(looked.entries))} pending entries checked was deleted.")
        known = not found.least and found.total <= IDS_MOST
        return self.preview(ctx, found), each_seen(found) if known else seen_of(ctx, looked)

    def preview(self, ctx: ActionContext[GhostsParams], looked: Looked) -> Preview:
        group, now = plain(ctx.params.group), looked.overview.pending.count
        gain = {n: -count for n, count in owners(looked).items()}
        return preview_of(
            looked,
            "Clean up",
            f"Acknowledges them in {group}. They were trimmed or deleted while pending.",
            about=" without a body",
            notes=[
                Note("", "Their content is already lost", "No worker can process them, and they cannot be restored."),
                Note("", "Entries that still exist are not touched", "Each is checked right before."),
            ],
            changes=[*per_consumer(looked, gain), Change("all", now, None if looked.least else now - looked.total)],
            redis_cli=acked_lines(ctx, looked),
        )

    def batch(self, ctx: ActionContext[GhostsParams], seen: PendingSeen, cursor: Place | None) -> PendingBatch:
        """The ghosts among the next pending entries; the others are passed over in silence."""
        batch = super().batch(ctx, seen, cursor)
        if not batch.work:
            return batch
        facts = ctx.server.run(FactsQuery(ctx.key))
        below, others = _parted(facts, [StreamId.parse(id_) for id_ in ids_of(batch.work)])
        ghosts = [*below, *_without_body(ctx, others)]
        return replace(batch, work=part_of(batch.work, {str(id_) for id_ in ghosts}))

    def reading(self, ctx: ActionContext[GhostsParams], seen: PendingSeen, cursor: Place | None) -> None:
        """Bodies are looked for in further round trips."""


def _only_ghosts(ctx: Scope, looked: Looked) -> Looked:
    """What was looked at without the entries that have a body."""
    below, others = _parted(looked.overview.stream, [e.id for e in looked.entries])
    gone = {*below, *_without_body(ctx, others[:LOOK_FOR_BODIES])}
    entries = tuple(replace(e, body="gone") for e in looked.entries if e.id in gone)
    least = looked.least or len(others) > LOOK_FOR_BODIES or looked.total > len(looked.entries)
    return replace(looked, entries=entries, total=len(entries), least=least, ghosts=len(entries), held=())


def _parted(facts: StreamFacts, ids: Sequence[StreamId]) -> tuple[list[StreamId], list[StreamId]]:
    """Those below the first entry, whose bodies are surely gone, and the others."""
    first = facts.first_id
    below = [i for i in ids if first is None or i < first]
    return below, [i for i in ids if first is not None and i >= first]


def _without_body(ctx: Scope, ids: Sequence[StreamId]) -> list[StreamId]:
    return [i for i, body in zip(ids, bodies_of(ctx, ids), strict=True) if not body]
