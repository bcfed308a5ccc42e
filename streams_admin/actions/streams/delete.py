"""Delete a stream: its entries, its groups and all they remember."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.accounts.permissions import Permission
from dashboard.display.format import number, plural
from dashboard.streams.ids import MIN
from dashboard.streams.names import plain
from dashboard.streams.queries import GroupQuery, Together
from dashboard.streams.snapshots import Entry, GroupFacts, GroupOverview, StreamFacts, StreamOverview
from streams_admin import redis_cli_text, writes
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.affected import ranged
from streams_admin.actions.reads.entries import stream_facts, stream_overview
from streams_admin.actions.single import Single, alive_note, refusal, typed
from streams_admin.params.kinds import EntryId
from streams_admin.params.streams import StreamDeleteParams

GROUPS = 8
"""Groups whose consumers a plan looks at."""


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """A stream as it was. `end`: the last ID it has given."""

    end: EntryId
    length: int
    groups: int

    @classmethod
    def of(cls, facts: StreamFacts) -> StreamSeen:
        return cls(facts.last_generated_id, facts.length, facts.groups)


class StreamDelete(Single[StreamDeleteParams, StreamSeen]):
    seen_model = StreamSeen
    model = StreamDeleteParams
    slug = "stream_delete"
    apart = "Entries that are added just in between are deleted too."
    label = "Delete stream…"
    permission = Permission.DELETE
    irreversible = True
    about = "stream"
    back = "server"

    def look(self, ctx: ActionContext[StreamDeleteParams]) -> tuple[Preview, StreamSeen]:
        overview = stream_overview(ctx)
        return _preview(ctx, overview), StreamSeen.of(overview.facts)

    def changed(self, ctx: ActionContext[StreamDeleteParams], seen: StreamSeen) -> str:
        facts = stream_facts(ctx, ctx.key)
        if facts is None:
            return "The stream no longer exists."
        return "" if StreamSeen.of(facts) == seen else "Entries or groups were added or removed in the meantime."

    def do(self, ctx: ActionContext[StreamDeleteParams], seen: StreamSeen) -> None:
        reply = writes.stream_delete(
            ctx.server, ctx.key, last_generated_id=seen.end, length=seen.length, groups=seen.groups
        )
        if reply != 1:
            raise refusal("The stream changed in the meantime." if reply else "The stream does not exist.")

    def outcome(self, ctx: ActionContext[StreamDeleteParams], seen: StreamSeen) -> str:
        facts = stream_facts(ctx, ctx.key)
        if facts is None:
            return "done"
        return "failed" if StreamSeen.of(facts) == seen else "unknown"

    def affected(self, ctx: ActionContext[StreamDeleteParams], seen: StreamSeen) -> Iterator[Sequence[Entry]] | None:
        return ranged(ctx, MIN, seen.end) if seen.length else None

    def figures(self, ctx: ActionContext[StreamDeleteParams]) -> list[list[Any]]:
        facts = stream_facts(ctx, ctx.key)
        return [["entries", facts.length if facts else 0], ["groups", facts.groups if facts else 0]]


def _preview(ctx: Scope, overview: StreamOverview) -> Preview:
    facts, key = overview.facts, plain(ctx.key)
    return Preview(
        title=f"Delete stream {key}",
        sentence=f"Permanently deletes {plural(facts.length, 'entry', 'entries')} and {plural(facts.groups, 'group')}.",
        button="Delete stream",
        total=1,
        counts={"entries": facts.length, "groups": facts.groups, "pending": overview.pending.value},
        notes=[*_alive(ctx, overview.groups), *_losses(overview), _again(key)],
        changes=[Change("entries", facts.length, 0), Change("groups", facts.groups, 0)],
        redis_cli=[redis_cli_text.line(*writes.stream_delete_argv(ctx.key))],
        confirm=typed(ctx.key),
    )


def _alive(ctx: Scope, groups: tuple[GroupFacts, ...]) -> list[Note]:
    """A group that somebody reads, for each of the first few."""
    can, read = ctx.server.capabilities(), [group for group in groups if group.consumers]
    found = ctx.server.run(Together(tuple(GroupQuery(ctx.key, g.name, can) for g in read[:GROUPS])))
    looked = [group for group in found if isinstance(group, GroupOverview)]
    text = "Its next read fails with NOGROUP."
    notes = [note for g in looked for note in alive_note(g.consumers, text, f" in {plain(g.group.name)}")]
    more = len(read) - GROUPS
    left = [Note("late", f"{plural(more, 'more group')} not checked for readers")] if more > 0 else []
    return [*notes, *left]


def _losses(overview: StreamOverview) -> list[Note]:
    """What goes with each group, of the first few that hold most; of more, how many there are."""
    notes = []
    for group in sorted(overview.groups, key=lambda g: -g.pending):
        unread = group.lag.value
        parts = [f"{group.pending:,} pending"] if group.pending else []
        if unread != 0:
            about = "about " if group.lag.approximate else ""
            count = "an unknown number" if unread is None else f"{about}{number(unread)}"
            parts.append(f"{count} not delivered yet")
        if parts:
            notes.append(Note("stuck", f"{plain(group.name)} has {' and '.join(parts)}", "Nobody will process them."))
    more = len(notes) - GROUPS
    left = [Note("stuck", f"{plural(more, 'more group has', 'more groups have')} entries too")] if more > 0 else []
    beyond = [Note("late", overview.left_out)] if overview.left_out else []
    return [*notes[:GROUPS], *left, *beyond]


def _again(key: str) -> Note:
    return Note(
        "late",
        f"The next XADD recreates {key} without its groups",
        "Until the groups are recreated, their consumers get errors.",
    )
