"""Destroy a group with all it remembers; its entries stay in the stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashboard.display.format import number, plural
from dashboard.streams.names import plain
from dashboard.streams.snapshots import GroupFacts, GroupOverview, PendingEntry
from streams_admin import redis_cli_text, writes
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.affected import pending
from streams_admin.actions.single import OnGroup, alive, alive_note, find_group, refusal, the_group, typed
from streams_admin.params.groups import GroupDestroyParams
from streams_admin.params.kinds import EntryId


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """A group as it was: its position, and how much it held."""

    at: EntryId
    pending: int
    consumers: int

    @classmethod
    def of(cls, group: GroupFacts) -> GroupSeen:
        return cls(group.last_delivered_id, group.pending, group.consumers)


Context = ActionContext[GroupDestroyParams]


class GroupDestroy(OnGroup[GroupDestroyParams, GroupSeen]):
    seen_model = GroupSeen
    model = GroupDestroyParams
    slug = "group_destroy"
    apart = "What its consumers are given just in between is lost with it."
    label = "Destroy group…"
    irreversible = True
    back = "stream"

    def look(self, ctx: Context) -> tuple[Preview, GroupSeen]:
        overview = the_group(ctx, ctx.params.group)
        return _destroy_preview(ctx, overview), GroupSeen.of(overview.group)

    def changed(self, ctx: Context, seen: GroupSeen) -> str:
        overview = find_group(ctx, ctx.params.group)
        return moved(overview, seen) if overview else "The group no longer exists."

    def do(self, ctx: Context, seen: GroupSeen) -> None:
        words = writes.group_destroy_argv(ctx.key, ctx.params.group)
        reply = writes.on_group_as_seen(
            ctx.server,
            words,
            position=seen.at,
            pending=seen.pending,
            consumers=seen.consumers,
        )
        if reply != 1:
            raise refusal("Consumers read in the group in the meantime." if reply else "The group does not exist.")

    def affected(self, ctx: Context, seen: GroupSeen) -> Iterator[Sequence[PendingEntry]] | None:
        """Its pending list, which is forgotten. The entries stay in the stream."""
        return pending(ctx, ctx.params.group) if seen.pending else None

    def outcome(self, ctx: Context, seen: GroupSeen) -> str:
        """A group of that name may be a new one: its workers may have created it again. What it has pending tells."""
        overview = find_group(ctx, ctx.params.group)
        if overview is None:
            return "done"
        return "failed" if seen.pending and GroupSeen.of(overview.group) == seen else "unknown"


def moved(overview: GroupOverview, seen: GroupSeen) -> str:
    """Why a group is not as it was seen: what was acknowledged since is no loss, what was delivered would be."""
    group = overview.group
    if group.last_delivered_id != seen.at:
        return f"The group moved from {seen.at} to {group.last_delivered_id}: someone read, or set its position."
    if group.pending > seen.pending or group.consumers > seen.consumers:
        return "It has more pending entries or consumers than the plan showed."
    return ""


def _destroy_preview(ctx: Scope, overview: GroupOverview) -> Preview:
    group, what = overview.group, plain(overview.group.name)
    return Preview(
        title=f"Destroy group {what}",
        sentence=f"Deletes its position, consumers and pending list on {plain(ctx.key)}. Entries stay in the stream.",
        button="Destroy group",
        total=1,
        counts={"pending": group.pending, "consumers": group.consumers, "alive": len(alive(overview.consumers))},
        notes=_losses(overview),
        changes=[
            Change("groups", overview.stream.groups, overview.stream.groups - 1),
            Change(f"{what}: consumers", group.consumers, 0),
            Change(f"{what}: pending", group.pending, 0),
        ],
        redis_cli=[redis_cli_text.line(*writes.group_destroy_argv(ctx.key, group.name))],
        confirm=typed(group.name),
    )


def _losses(overview: GroupOverview) -> list[Note]:
    group = overview.group
    notes = alive_note(overview.consumers, "Its next read fails with NOGROUP.")
    if group.pending:
        text = "Their owners, delivery counts and pending state are forgotten."
        notes.append(Note("stuck", f"{plural(group.pending, 'entry is', 'entries are')} pending", text))
    if group.lag.value:
        text = "A new group of that name would start from the beginning, or without them."
        about = "about " if group.lag.approximate else ""
        notes.append(Note("late", f"{about}{number(group.lag.value)} not delivered yet", text))
    if group.lag.value is None:
        notes.append(Note("late", "The number of undelivered entries is unknown", group.lag.reason))
    return notes or [
        Note("", "Only the position is lost", "Everything was read and acknowledged, and nobody is reading.")
    ]
