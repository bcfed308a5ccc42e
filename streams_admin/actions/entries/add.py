"""Add: one entry at the end of a stream, with its fields in their order, repeated names too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from dashboard.accounts.access import require
from dashboard.accounts.permissions import Permission
from dashboard.display.format import number, plural
from dashboard.streams.errors import Gone
from dashboard.streams.ids import MAX, MIN, TOP, StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import PAGE_MAX, Command, EntryRange
from dashboard.streams.snapshots import Fields, StreamFacts, StreamOverview
from streams_admin import redis_cli_text, writes
from streams_admin.actions import new_ids
from streams_admin.actions.base import Action
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.entries import read, stream_facts, stream_overview
from streams_admin.actions.reads.reservations import EXHAUSTED, Reservation, arrived, reserve, reserve_in
from streams_admin.actions.reads.targets import reached
from streams_admin.actions.single import typed
from streams_admin.actions.work import Batch, Done, Unnamed
from streams_admin.errors import BadParameters, Conflict
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.entries import AddParams
from streams_admin.params.fields import from_text
from streams_admin.params.kinds import EntryId


@dataclass(frozen=True, slots=True)
class AddSeen:
    """How many entries were to go, and whether the stream was there."""

    removed: int
    existed: bool


@dataclass(frozen=True, slots=True)
class AddWork(Unnamed):
    """The ID that the entry will have, and the last one of the stream before."""

    id: EntryId
    since: EntryId


class Add(Action[AddParams, AddSeen, AddWork, None]):
    seen_model = AddSeen
    work_model = AddWork
    cursor_model = type(None)
    model = AddParams
    slug = "add"
    needs_memory = True
    label = "Add entry…"
    permission = Permission.ADD
    literal = True
    idempotent = True
    late_safe = True
    back = "stream"

    def authorise(self, ctx: ActionContext[AddParams]) -> None:
        """Who may add may not trim by it."""
        if not ctx.params.bounded:
            return
        facts = stream_facts(ctx, ctx.key)
        if facts and _removed(ctx, facts)[0]:
            require(ctx.principal, Permission.TRIM, ctx.server.name, ctx.key)

    def look(self, ctx: ActionContext[AddParams]) -> tuple[Preview, AddSeen]:
        overview = _find(ctx)
        facts = overview.facts if overview else None
        if why := _unsupported(ctx, facts):
            raise BadParameters(why)
        if why := _refusal(ctx, facts):
            raise Conflict(why)
        removed, least = _removed(ctx, overview.facts) if overview else (0, False)
        return _preview(ctx, overview, removed, least), AddSeen(removed, overview is not None)

    def changed(self, ctx: ActionContext[AddParams], seen: AddSeen) -> str:
        facts = stream_facts(ctx, ctx.key)
        if seen.existed and facts is None:
            return "The stream no longer exists."
        return _unsupported(ctx, facts) or _refusal(ctx, facts)

    def batch(self, ctx: ActionContext[AddParams], seen: AddSeen, cursor: None) -> Batch[AddWork, None]:
        reserved = _reserved(ctx)
        return Batch([AddWork(reserved.first, reserved.since)], None, last=True)

    def act(self, ctx: ActionContext[AddParams], seen: AddSeen, work: Sequence[AddWork]) -> Done:
        added = writes.add(ctx.server, _argv(ctx, seen.removed, str(work[0].id)))
        if added == writes.PASSED:
            own = not (ctx.params.id or "*").endswith("*")
            return Done(counts=Counter(failed=1)) if own else Done(again=True)
        return Done.of([(str(added), "done")]) if added else Done(counts=Counter(not_found=1))

    def reconcile(self, ctx: ActionContext[AddParams], seen: AddSeen, work: Sequence[AddWork]) -> Done:
        """The entry, if it is there, by its ID; one of the asker's own choice may be somebody else's entry."""
        id_ = work[0].id
        came = arrived(ctx, ctx.key, [id_], work[0].since)[id_]
        there = next(iter(read(ctx, [id_]).values()))
        if there and there.fields != ctx.params.pairs:
            came = "failed"
        return Done.of([(str(id_), "done")]) if came == "done" else Done(counts=Counter({came: 1}))

    def figures(self, ctx: ActionContext[AddParams]) -> list[list[Any]]:
        facts = stream_facts(ctx, ctx.key)
        return [["entries", facts.length if facts else 0]]

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return AddForm(data)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        found = form.cleaned_data
        return {**found, "id": found["id"].strip()}


class AddForm(forms.Form):
    """Fields as lines or JSON, and what XADD knows besides."""

    fields = forms.CharField(  # type: ignore[assignment]  # a form's own `fields` are set per instance
        label="Fields",
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
        help_text="One “name: value” per line, or JSON: an object, or a list of [name, value] pairs.",
    )
    id = forms.CharField(label="ID", required=False, max_length=41, help_text="empty: set by the server")
    maxlen = forms.IntegerField(
        label="Trim to about", required=False, min_value=1, help_text="entries, removing the oldest. Empty: no trimming"
    )
    mkstream = forms.BooleanField(label="Create the stream if it does not exist", required=False)

    def clean_fields(self) -> Fields:
        try:
            return from_text(self.cleaned_data["fields"])
        except BadParameters as error:
            raise forms.ValidationError(error.message) from error


def _reserved(ctx: ActionContext[AddParams]) -> Reservation:
    asked = ctx.params.id
    if asked is None:
        return reserve(ctx, ctx.key)
    if asked.endswith("-*"):
        return reserve_in(ctx, ctx.key, int(asked[:-2]))
    return Reservation(StreamId.parse(asked), reached(ctx, ctx.key))


def _find(ctx: Scope) -> StreamOverview | None:
    try:
        return stream_overview(ctx)
    except Gone:
        return None


def _unsupported(ctx: ActionContext[AddParams], facts: StreamFacts | None) -> str:
    """What this server cannot do for a stream that is there, "" when it can."""
    asked = ctx.params.id or "*"
    if facts is None or not asked.endswith("-*") or not ctx.server.capabilities().before_7:
        return ""
    return f"id is {asked}: a sequence number set by the server needs Redis 7.0 or Valkey."


def _refusal(ctx: ActionContext[AddParams], facts: StreamFacts | None) -> str:
    """Why XADD would not take it as the stream is now, "" when it would."""
    if facts is None:
        return "" if ctx.params.mkstream else "The stream does not exist. Set mkstream to create it."
    asked, last = ctx.params.id or "*", facts.last_generated_id
    if last == MAX:
        return EXHAUSTED
    lowest = StreamId.parse(asked[:-1] + str(TOP) if asked.endswith("-*") else asked) if asked != "*" else None
    if lowest is not None and lowest <= last:
        return f"id is {asked}, which must be greater than {last}, the last ID of the stream."
    return ""


def _removed(ctx: ActionContext[AddParams], facts: StreamFacts) -> tuple[int, bool]:
    """How many entries the bound would take, at most; and whether there may be more."""
    if ctx.params.maxlen is not None:
        return max(0, facts.length + 1 - ctx.params.maxlen), False
    below = ctx.params.minid or MIN
    if facts.first_id is None or below <= facts.first_id:
        return 0, False
    page = ctx.server.run(EntryRange(ctx.key, end=below.prev(), limit=PAGE_MAX))
    return len(page.items), not page.complete


def _argv(ctx: ActionContext[AddParams], removed: int, id_: str = "") -> Command:
    """XADD. A length is raised by what came since it was planned, so that no more goes than was shown."""
    trim: Command = ()
    params = ctx.params
    sign = "~" if params.loose else "="
    if params.maxlen is not None:
        facts = stream_facts(ctx, ctx.key)
        trim = ("MAXLEN", sign, max(params.maxlen, (facts.length if facts else 0) + 1 - removed))
    elif params.minid is not None:
        trim = ("MINID", sign, str(params.minid))
    return writes.add_argv(ctx.key, params.pairs, id_ or params.id or "*", mkstream=params.mkstream, trim=trim)


def _preview(ctx: ActionContext[AddParams], overview: StreamOverview | None, removed: int, least: bool) -> Preview:
    length = overview.facts.length if overview else 0
    fields = plural(len(ctx.params.pairs), "field")
    exact = not removed or not (ctx.params.loose or least)
    return Preview(
        title=f"Add an entry with {fields}",
        sentence=f"Adds it to the end of {plain(ctx.key)}{_next_id(ctx, overview)}. It can be deleted again, but what"
        " workers do with it stays.",
        button="Add entry",
        total=1,
        counts={"entries": 1, "removed": removed},
        notes=[*_removed_note(removed, least), *_id_notes(ctx, overview), *_reader_notes(overview)],
        changes=[Change("entries", length, length + 1 - removed if exact else None)],
        redis_cli=[redis_cli_text.line(*_argv(ctx, removed), max_length=2000)],
        confirm=typed(ctx.key) if removed else "",
    )


def _removed_note(removed: int, least: bool) -> list[Note]:
    if not removed:
        return []
    at_least = "at least " if least else "up to "
    text = "Entries that groups have not read or acknowledged are lost. A trim shows that in advance."
    return [Note("stuck", f"{at_least}{number(removed)} of the oldest entries are removed", text)]


def _next_id(ctx: ActionContext[AddParams], overview: StreamOverview | None) -> str:
    return new_ids.next_id(ctx.params.id, overview.facts if overview else None, overview.now_ms if overview else 0)


def _id_notes(ctx: ActionContext[AddParams], overview: StreamOverview | None) -> list[Note]:
    return new_ids.notes(ctx.params.id, overview.facts, overview.now_ms) if overview else []


def _reader_notes(overview: StreamOverview | None) -> list[Note]:
    if overview is None:
        return [Note("late", "The stream does not exist yet", "It will be created, without groups.")]
    groups = [plain(group.name) for group in overview.groups]
    if not groups:
        return [Note("", "The stream has no groups")]
    names = ", ".join(groups[:4]) + (f" and {len(groups) + overview.groups_cut - 4} more" if len(groups) > 4 else "")
    return [Note("", f"{plural(len(groups) + overview.groups_cut, 'group')} will get it: {names}")]
