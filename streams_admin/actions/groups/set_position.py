"""Set a group's position: deliver entries again, or skip some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from dashboard.display.format import number, plural
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.names import plain, to_path
from dashboard.streams.queries import PAGE_MAX, PendingQuery
from dashboard.streams.snapshots import GroupOverview
from streams_admin import redis_cli_text, writes
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.groups.create import beyond_note, counts_reads, lag_note
from streams_admin.actions.groups.position_form import AT, PositionForm
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads import positions
from streams_admin.actions.reads.entries import stream_overview
from streams_admin.actions.reads.positions import Count
from streams_admin.actions.single import OnGroup, alive_note, find_group, refusal, the_group
from streams_admin.errors import Changed
from streams_admin.forms import choice_field
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.groups import GroupSetPositionParams
from streams_admin.params.kinds import END, EntryId


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where, how many entries lie in between, and what is left behind each (None: not known)."""

    old: StreamId
    new: StreamId
    between: Count
    left_old: int | None
    left_new: int | None

    @property
    def back(self) -> bool:
        return self.new < self.old

    @classmethod
    def of(cls, ctx: Scope, overview: GroupOverview, new: StreamId, left: int | None = None) -> Move:
        """`left`: what is behind `new`, where that is known."""
        facts, old = overview.stream, overview.group.last_delivered_id
        low, high = sorted((old, new))
        before = positions.behind_group(facts, overview.group)
        after = positions.behind(facts, new) if left is None else left
        if before is not None and after is not None:
            return cls(old, new, Count(abs(before - after)), before, after)
        between = positions.count(ctx, low.next(), high)
        gain = None if between.least else between.value if new < old else -between.value
        if after is None:
            summed = _sum(before, gain)
            after = positions.count_behind(ctx, facts, new) if summed is None else summed
        if before is None:
            before = _sum(after, None if gain is None else -gain)
        return cls(old, new, between, before, after)


def _sum(left: int | None, gain: int | None) -> int | None:
    return None if left is None or gain is None else max(0, left + gain)


@dataclass(frozen=True, slots=True)
class MoveSeen:
    """Where the group was and where it goes, with how many `read`; `end`: the last ID the stream had given."""

    at: EntryId
    new: EntryId
    read: int | None
    end: EntryId


class GroupSetPosition(OnGroup[GroupSetPositionParams, MoveSeen]):
    seen_model = MoveSeen
    model = GroupSetPositionParams
    slug = "group_set_position"
    apart = "What its consumers read just in between does not stop it."
    label = "Set position…"

    def look(self, ctx: ActionContext[GroupSetPositionParams]) -> tuple[Preview, MoveSeen]:
        overview = the_group(ctx, ctx.params.group)
        new, left = _target(ctx, overview)
        if new == overview.group.last_delivered_id:
            raise Changed(f"The group is already at {new}.")
        move = Move.of(ctx, overview, new, left)
        beyond = positions.beyond(new, overview.stream)
        understood = counts_reads(ctx, overview.stream)
        read = None if beyond else positions.entries_read(overview.stream, move.left_new, understood=understood)
        seen = MoveSeen(move.old, new, read, overview.stream.last_generated_id)
        return _preview(ctx, overview, move, read), seen

    def changed(self, ctx: ActionContext[GroupSetPositionParams], seen: MoveSeen) -> str:
        overview = find_group(ctx, ctx.params.group)
        if overview is None or overview.stream.last_generated_id < seen.end:
            return "The group or the stream was deleted in the meantime."
        now = overview.group.last_delivered_id
        return "" if now == seen.at else f"The group moved from {seen.at} to {now} in the meantime."

    def do(self, ctx: ActionContext[GroupSetPositionParams], seen: MoveSeen) -> None:
        words = writes.group_set_argv(ctx.key, ctx.params.group, seen.new, entries_read=seen.read)
        reply = writes.on_group_as_seen(ctx.server, words, position=seen.at)
        if reply != 1:
            raise refusal("The group moved in the meantime." if reply else "The group does not exist.")

    def outcome(self, ctx: ActionContext[GroupSetPositionParams], seen: MoveSeen) -> str:
        """Where it stands tells: consumers that read on only go forward from where they were."""
        overview = find_group(ctx, ctx.params.group)
        if overview is None:
            return "unknown"
        now, old, new = overview.group.last_delivered_id, seen.at, seen.new
        if now == old:
            return "failed"
        return "done" if now == new or new <= now < old else "unknown"

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return SetPositionForm(data, ctx=ctx)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        assert isinstance(form, SetPositionForm)
        return {"group": ctx.params.group, **form.params()}


def _target(ctx: ActionContext[GroupSetPositionParams], overview: GroupOverview) -> tuple[StreamId, int | None]:
    """The position that is wanted, and what is behind it where another group's count tells."""
    params = ctx.params
    if params.position is not None:
        return positions.resolve(params.position, overview.stream), None
    model = the_group(ctx, params.like or b"")
    return model.group.last_delivered_id, positions.behind_group(overview.stream, model.group)


def _verb(move: Move) -> str:
    """What it does, in the words of its button."""
    least = "at least " if move.between.least else ""
    entries = least + plural(move.between.value, "entry", "entries")
    if not move.between.value:
        return f"Set the position to {move.new}"
    return f"Deliver {entries} again" if move.back else f"Skip {entries}"


def _preview(ctx: Scope, overview: GroupOverview, move: Move, read: int | None) -> Preview:
    group, count = overview.group, move.between.value
    words = writes.group_set_argv(ctx.key, group.name, move.new, entries_read=read)
    return Preview(
        title=f"{_verb(move)} {'to' if move.back and move.between.value else 'in'} {plain(group.name)}",
        sentence=f"Moves {plain(group.name)} from {move.old} to {move.new}: entries after it are delivered next.",
        button=_verb(move),
        total=1,
        least=move.between.least,
        counts={"delivered_again": count if move.back else 0, "skipped": 0 if move.back else count},
        notes=_notes(ctx, overview, move, read),
        changes=[
            Change("not delivered yet", move.left_old, move.left_new),
            Change("pending", group.pending, group.pending, "stay pending"),
        ],
        redis_cli=[redis_cli_text.line(*words)],
    )


def _notes(ctx: Scope, overview: GroupOverview, move: Move, read: int | None) -> list[Note]:
    notes = []
    if move.between.value and not move.back:
        title = f"{number(move.between.value)} will never be delivered to {plain(overview.group.name)}"
        notes.append(Note("stuck", title, "They stay in the stream. Other groups are not affected."))
    if move.between.value and move.back:
        notes.append(Note("late", "Workers get entries they already processed", "Can they process entries twice?"))
    if move.back:
        notes.extend(_pending_again(ctx, overview, move))
    text = "If it reads before the plan runs, the position moves and the plan is refused. Stop it first."
    notes.extend(alive_note(overview.consumers, text))
    beyond = positions.beyond(move.new, overview.stream)
    return [*notes, beyond_note(move.new) if beyond else lag_note(ctx, read)]


def _pending_again(ctx: Scope, overview: GroupOverview, move: Move) -> list[Note]:
    """Entries that are pending and would be delivered once more."""
    if not overview.group.pending:
        return []
    query = PendingQuery(
        ctx.key, overview.group.name, start=move.new.next(), end=move.old, limit=PAGE_MAX, bodies=False
    )
    page = ctx.server.run(query)
    if not page.items:
        return []
    least = "At least " if page.next else ""
    title = f"{least}{plural(len(page.items), 'of them is', 'of them are')} still pending"
    return [Note("late", title, "Whoever reads them becomes their owner, with a delivery count of 1.")]


class SetPositionForm(PositionForm):
    """Where to: each choice with what it means now."""

    boxes = ("at", "like")
    like = forms.ChoiceField(label="Group", required=False, widget=forms.Select(attrs={"data-chooses": "to"}))

    def __init__(self, data: Any, *, ctx: ActionContext[Address]) -> None:
        super().__init__(data)
        overview = the_group(ctx, ctx.params.of_group.group)
        others = _others(ctx, overview)
        self.offer([*_choices(overview), *([("like", "same as another group")] if others else [])])
        choice_field(self, "like").choices = [("", "choose a group"), *others]
        if not others:
            del self.fields["like"]

    def params(self) -> Raw:
        """Raw parameters of a valid form, beside the group."""
        found = self.cleaned_data
        return {"like": found["like"]} if found["to"] == "like" else {"position": self.position}

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("to") == "like" and not found.get("like"):
            self.add_error("like", "Choose a group.")
        return found


def _choices(overview: GroupOverview) -> list[tuple[str, str]]:
    """The strategies, with their effect where it is known without counting."""
    facts = overview.stream
    return [
        ("0", f"the start{_effect(overview, positions.behind(facts, MIN))}"),
        (END, f"the end{_effect(overview, 0)}"),
        AT,
    ]


def _others(ctx: Scope, overview: GroupOverview) -> list[tuple[str, str]]:
    """The other groups of the stream, and what going where they are would do."""
    groups = stream_overview(ctx).groups
    return [
        (
            to_path(g.name),
            plain(g.name) + _effect(overview, positions.behind_group(overview.stream, g)),
        )
        for g in groups
        if g.name != overview.group.name
    ]


def _effect(overview: GroupOverview, left: int | None) -> str:
    now = positions.behind_group(overview.stream, overview.group)
    if now is None or left is None:
        return ""
    if left > now:
        return f": {number(left - now)} delivered again"
    return f": {number(now - left)} skipped" if left < now else ": nothing delivered again or skipped"
