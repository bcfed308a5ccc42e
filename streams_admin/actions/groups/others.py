"""What the other groups lose when entries that are pending in one are deleted from the stream too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboard.streams.ids import StreamId
from streams_admin.actions.context import ActionContext
from streams_admin.actions.pending.look import BODIES, look_at
from streams_admin.actions.preview import Note
from streams_admin.actions.reads.entries import bodies_of, stream_overview
from streams_admin.actions.reads.losses import PENDING_TEXT, loss_notes, losses_of
from streams_admin.actions.reads.snapshots import EachSeen, Looked, Loss, PendingSeen
from streams_admin.params.pending import PendingParams


def of_looked(ctx: ActionContext[PendingParams], looked: Looked) -> tuple[Loss, ...]:
    """What each other group would lose with what was looked at."""
    group = looked.overview.group
    whole = not looked.least and len(looked.entries) >= looked.total
    ids = [entry.id for entry in looked.entries if entry.body != "gone"]
    return _of_others(ctx, ids, None if whole else group.last_delivered_id)


def of_seen(ctx: ActionContext[PendingParams], seen: PendingSeen) -> tuple[Loss, ...]:
    """The same of what a plan has seen. What was delivered since is not meant."""
    if isinstance(seen.which, EachSeen):
        ids = [entry.id for entry in seen.which.entries]
        ghosts = {id_ for id_, body in zip(ids, bodies_of(ctx, ids[:BODIES]), strict=False) if not body}
        return _of_others(ctx, [id_ for id_ in ids if id_ not in ghosts], None)
    looked, end = look_at(ctx), seen.which.end
    return of_looked(ctx, replace(looked, entries=tuple(entry for entry in looked.entries if entry.id <= end)))


def _of_others(ctx: ActionContext[PendingParams], ids: Sequence[StreamId], upto: StreamId | None) -> tuple[Loss, ...]:
    others = [group for group in stream_overview(ctx).groups if group.name != ctx.params.group]
    return tuple(losses_of(ctx, others, ids, upto))


def count(looked: Looked) -> int:
    """How many other groups the stream has."""
    return looked.overview.stream.groups - 1


def notes(looked: Looked) -> list[Note]:
    """In words, the weightiest first."""
    return loss_notes(looked.lost, count(looked), pending_text=PENDING_TEXT["keep"], who="other group")
