"""Create a group behind a position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from dashboard.display.format import plural
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain
from dashboard.streams.snapshots import StreamFacts
from streams_admin import redis_cli_text, writes
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.groups.position_form import AT, PositionForm
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads import positions
from streams_admin.actions.reads.entries import stream_facts
from streams_admin.actions.single import OnGroup, find_group
from streams_admin.errors import Changed
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.groups import GroupCreateParams
from streams_admin.params.kinds import END, EntryId


def counts_reads(ctx: Scope, facts: StreamFacts | None) -> bool:
    """Whether XGROUP knows ENTRIESREAD: it came with entries-added in XINFO STREAM; without a stream, the version."""
    info = ctx.server.capabilities().info
    if info.flavour == "Dragonfly":
        return False
    return facts.entries_added is not None if facts else info.flavour == "Valkey" or info.version >= (7, 0)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a new group begins: behind `at`, with `left` entries ahead of it (None: too many to count)."""

    facts: StreamFacts | None
    at: StreamId
    left: int | None
    read: int | None

    @classmethod
    def of(cls, ctx: ActionContext[GroupCreateParams], facts: StreamFacts | None) -> Start:
        at = positions.resolve(ctx.params.position, facts)
        left = positions.count_behind(ctx, facts, at) if facts else 0
        beyond = positions.beyond(at, facts)
        read = None if beyond else positions.entries_read(facts, left, understood=counts_reads(ctx, facts))
        return cls(facts, at, left, read)

    @property
    def beyond(self) -> bool:
        """Whether it lies where no entry has been yet."""
        return positions.beyond(self.at, self.facts)


@dataclass(frozen=True, slots=True)
class StartSeen:
    """Where the group begins, with how many `read`; `stream`: the last ID the stream had given, None without one."""

    at: EntryId
    read: int | None
    stream: EntryId | None


class GroupCreate(OnGroup[GroupCreateParams, StartSeen]):
    seen_model = StartSeen
    model = GroupCreateParams
    slug = "group_create"
    needs_memory = True
    label = "Create group…"
    literal = True
    about = "stream"

    def look(self, ctx: ActionContext[GroupCreateParams]) -> tuple[Preview, StartSeen]:
        facts = stream_facts(ctx, ctx.key)
        why = self._taken(ctx) or self._missing(ctx, facts)
        if why:
            raise Changed(why)
        start = Start.of(ctx, facts)
        seen = StartSeen(start.at, start.read, facts.last_generated_id if facts else None)
        return _create_preview(ctx, start), seen

    def _taken(self, ctx: ActionContext[GroupCreateParams]) -> str:
        group = plain(ctx.params.group)
        return f"A group {group} already exists on {plain(ctx.key)}." if find_group(ctx, ctx.params.group) else ""

    def _missing(self, ctx: ActionContext[GroupCreateParams], facts: StreamFacts | None) -> str:
        if facts or ctx.params.mkstream:
            return ""
        return f"There is no stream {plain(ctx.key)}; set mkstream to create it."

    def changed(self, ctx: ActionContext[GroupCreateParams], seen: StartSeen) -> str:
        facts = stream_facts(ctx, ctx.key)
        if seen.stream and (facts is None or facts.last_generated_id < seen.stream):
            return "The stream was deleted in the meantime."
        return self._taken(ctx) or self._missing(ctx, facts)

    def do(self, ctx: ActionContext[GroupCreateParams], seen: StartSeen) -> None:
        writes.group_create(
            ctx.server,
            ctx.key,
            ctx.params.group,
            seen.at,
            mkstream=ctx.params.mkstream,
            entries_read=seen.read,
        )

    def outcome(self, ctx: ActionContext[GroupCreateParams], seen: StartSeen) -> str:
        return "done" if find_group(ctx, ctx.params.group) else "failed"

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return GroupCreateForm(data, exists=stream_facts(ctx, ctx.key) is not None)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        assert isinstance(form, GroupCreateForm)
        return form.params()


class GroupCreateForm(PositionForm):
    """Its name, and where it begins."""

    field_order = ("name", "to")
    name = forms.CharField(label="Name", max_length=200, strip=False)
    mkstream = forms.BooleanField(label="Create the stream (it does not exist yet)", required=False)

    def __init__(self, data: Any, *, exists: bool) -> None:
        super().__init__(data)
        self.fields["to"].label = "Start"
        now, start = "now: only new entries", "at the beginning: everything in the stream"
        self.offer([(END, now), ("0", start), AT])
        if exists:
            del self.fields["mkstream"]

    def params(self) -> Raw:
        found = self.cleaned_data
        return {
            "group": str(found["name"]).encode(),
            "position": self.position,
            "mkstream": found.get("mkstream", False),
        }


def beyond_note(at: StreamId) -> Note:
    return Note("late", f"{at} is beyond the last entry", "Entries with lower IDs will never be delivered to it.")


def lag_note(ctx: Scope, read: int | None) -> Note:
    if read is not None:
        return Note("", "The lag is known at once", "The command includes the number of entries before the position.")
    info = ctx.server.capabilities().info
    text = "It is known once the group has read to the end."
    return Note("", f"The lag may be unknown at first on {info.flavour} {info.version_text}", text)


def _create_preview(ctx: ActionContext[GroupCreateParams], start: Start) -> Preview:
    group, left = ctx.params.group, start.left
    gets = "an unknown number of entries" if left is None else plural(left, "entry", "entries")
    notes = [beyond_note(start.at)] if start.beyond else [lag_note(ctx, start.read)]
    if start.facts is None:
        notes = [Note("late", f"{plain(ctx.key)} does not exist", "It will be created, empty."), *notes]
    groups = start.facts.groups if start.facts else 0
    words = writes.group_create_argv(ctx.key, group, start.at, mkstream=ctx.params.mkstream, entries_read=start.read)
    return Preview(
        title=f"Create group {plain(group)}",
        sentence=f"It starts after {start.at} and gets {gets} of {plain(ctx.key)}, then new ones.",
        button="Create group",
        total=1,
        counts={"to_deliver": left},
        notes=notes,
        changes=[Change("groups", groups, groups + 1), Change(f"{plain(group)}: not delivered yet", 0, left)],
        redis_cli=[redis_cli_text.line(*words)],
    )
