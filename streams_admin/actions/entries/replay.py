"""Replay: copy entries to another stream of the same server, dead letters above all to where they came from.

Exactly one copy of each: its ID is chosen and saved before it is sent (`reservations`), so a second one is refused by
the server itself. A batch is one step (a script; MULTI where scripts are refused). It needs no mark in the entries,
which arrive as they once were.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.display.format import age, plural
from dashboard.display.rows import sight
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import EntryRange, StreamQuery
from dashboard.streams.snapshots import Entry, Fields, StreamFacts
from streams_admin import redis_cli_text, writes
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.entries.base import EntriesAction, EntriesForm, sample
from streams_admin.actions.new_ids import notes_of_copies
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.entries import read, stream_facts
from streams_admin.actions.reads.reservations import arrived, reserve
from streams_admin.actions.reads.snapshots import EntriesSeen, Found, Loss
from streams_admin.actions.reads.targets import allow_target, target_figures
from streams_admin.actions.work import Batch, Done, Place
from streams_admin.errors import BadParameters
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.entries import ReplayParams
from streams_admin.params.fields import from_text, to_text
from streams_admin.params.kinds import EntryId
from streams_admin.writes.provenance import STREAM, block, stripped

STEP = 100
"""Entries that one step copies."""
EDIT_MOST = 65_536
"""Bytes of an entry that a page offers to edit."""
RESULT = {1: "done", 0: "not_found", writes.REFUSED: "failed", writes.PASSED: "failed"}


@dataclass(frozen=True, slots=True)
class CopyWork:
    """An entry, the ID that its copy will have, and the last ID of the target before."""

    ids: str
    copy: EntryId
    since: EntryId

    @property
    def id(self) -> StreamId:
        return StreamId.parse(self.ids)

    def only(self, ids: str) -> Self:
        return replace(self, ids=ids)


class Replay(EntriesAction[ReplayParams, CopyWork]):
    model = ReplayParams
    work_model = CopyWork
    slug = "replay"
    needs_memory = True
    label = "Replay…"
    permission = Permission.REPLAY
    idempotent = True
    paced = STEP
    late_safe = True

    def authorise(self, ctx: ActionContext[ReplayParams]) -> None:
        allow_target(ctx, ctx.params.to, self.permission)

    def preview(self, ctx: ActionContext[ReplayParams], found: Found) -> tuple[Preview, Sequence[Loss]]:
        to, length = plain(ctx.params.to), found.overview.facts.length
        facts = stream_facts(ctx, ctx.params.to)
        before = facts.length if facts else 0
        preview = Preview(
            title=f"Replay {found.text}",
            sentence=f"Copies them to the end of {to}, in order. The originals stay in {plain(ctx.key)}.",
            button=f"Replay {found.text}",
            total=found.total,
            least=found.least,
            counts={"entries": found.total, "not_found": len(found.absent)},
            notes=[
                *notes_of_copies(facts, found.overview.now_ms),
                *_readers(ctx, facts),
                *_provenance_note(ctx, found),
                *_edited_note(ctx),
                *_bound_notes(ctx, found),
            ],
            changes=[
                Change(f"in {to}", before, None if found.least else before + found.total),
                Change(f"in {plain(ctx.key)}", length, length),
            ],
            sample=sample(found),
            redis_cli=_lines(ctx, found),
            lasting=ctx.params.per_second is not None,
        )
        return preview, ()

    def step(self, ctx: ActionContext[ReplayParams]) -> int:
        """Never more than belong into one second, or than one step copies."""
        return min(STEP, ctx.most, ctx.params.per_second or STEP)

    def batch(
        self, ctx: ActionContext[ReplayParams], seen: EntriesSeen, cursor: Place | None
    ) -> Batch[CopyWork, Place]:
        found = self.next_entries(ctx, seen, cursor)
        if not found.work:
            return Batch([], found.cursor, found.settled, found.last)
        reserved = reserve(ctx, ctx.params.to)
        copies = zip(found.work, reserved.ids(len(found.work)), strict=True)
        work = [CopyWork(entry.ids, copy, reserved.since) for entry, copy in copies]
        return Batch(work, found.cursor, found.settled, found.last)

    def act(self, ctx: ActionContext[ReplayParams], seen: EntriesSeen, work: Sequence[CopyWork]) -> Done:
        """The copies first, then the rest that a rate asks for: what is waited before would outlive the reservation."""
        done = self._copy(ctx, work)
        if ctx.params.per_second is None or done.again:
            return done
        pause = len(work) / ctx.params.per_second
        time.sleep(pause)
        return replace(done, waited=pause)

    def _copy(self, ctx: ActionContext[ReplayParams], work: Sequence[CopyWork]) -> Done:
        copies = [(item.id, item.copy) for item in work]
        if ctx.params.edited is not None:
            replies = [self._add_edited(ctx, copies[0][1])]
        else:
            replies = writes.replay(ctx.server, ctx.key, ctx.params.to, copies)
        if set(replies) == {writes.PASSED}:
            return Done(again=True)
        return Done.of([(str(i), RESULT[reply]) for (i, _), reply in zip(copies, replies, strict=True)])

    def _add_edited(self, ctx: ActionContext[ReplayParams], copy: StreamId) -> int:
        added = writes.add(ctx.server, writes.add_argv(ctx.params.to, ctx.params.edited or (), str(copy)))
        return writes.PASSED if added == writes.PASSED else 1

    def reconcile(self, ctx: ActionContext[ReplayParams], seen: EntriesSeen, work: Sequence[CopyWork]) -> Done:
        came = arrived(ctx, ctx.params.to, [item.copy for item in work], work[0].since)
        there = read(ctx, [item.id for item in work])
        return Done.of([(item.ids, self._result(came[item.copy], there[item.id])) for item in work])

    def _result(self, came: str, entry: Entry | None) -> str:
        """Of an entry that is not there any more nobody knows whether it still was when the others were copied."""
        return came if entry or came != "done" else "unknown"

    def figures(self, ctx: ActionContext[ReplayParams]) -> list[list[Any]]:
        return [*super().figures(ctx), *target_figures(ctx, ctx.params.to)]

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return ReplayForm(data, ctx)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        assert isinstance(form, ReplayForm)
        return {**form.selection(ctx), **form.chosen()}


class ReplayForm(EntriesForm):
    """Where to, how fast, and for a single entry with which fields."""

    to = forms.CharField(label="To the stream", required=False, max_length=400)
    per_second = forms.IntegerField(
        label="Max per second",
        required=False,
        min_value=1,
        max_value=100_000,
        help_text="empty: no limit",
    )
    fields_text = forms.CharField(
        label="Fields",
        required=False,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="One “name: value” per line, or JSON. Edit to send something else.",
    )

    def __init__(self, data: Any, ctx: ActionContext[Address]) -> None:
        super().__init__(data, ctx)
        found = _single(ctx)
        self.origin = block(found).get(STREAM) if found else _origin(ctx)
        self.text = _editable(ctx, stripped(found, self.origin or b"")) if found else ""
        self.fields["to"].required = self.origin is None
        self.fields["to"].help_text = f"empty: {plain(self.origin)}, where they came from" if self.origin else ""
        self.initial["fields_text"] = self.text
        if not self.text:
            del self.fields["fields_text"]

    def clean_fields_text(self) -> Fields | None:
        """None when nothing was edited."""
        text = self.cleaned_data["fields_text"].replace("\r\n", "\n")
        if text.strip() == self.text.strip():
            return None
        try:
            return from_text(text)
        except BadParameters as error:
            raise forms.ValidationError(error.message) from error

    def chosen(self) -> dict[str, object]:
        found = self.cleaned_data
        to = found["to"].encode() or self.origin or b""
        edited = {"fields": found["fields_text"]} if found.get("fields_text") else {}
        return {"to": to, **edited, **({"per_second": found["per_second"]} if found["per_second"] else {})}


def _single(ctx: ActionContext[Address]) -> Fields:
    """The fields of the entry that was named alone."""
    ids = ctx.params.ids or ()
    entry = next(iter(read(ctx, ids).values())) if len(ids) == 1 else None
    return entry.fields if entry else ()


def _origin(ctx: Scope) -> bytes | None:
    """Where the newest entry came from, if it is a dead letter."""
    newest = ctx.server.run(EntryRange(ctx.key, newest_first=True, limit=1)).items
    return block(newest[0].fields).get(STREAM) if newest else None


def _editable(ctx: Scope, fields: Fields) -> str:
    """The fields as text; "" when they may not be read in full, or are too many to edit."""
    seen = sight(ctx.principal, ctx.server.name, ctx.key)
    hidden = not seen.may_read or any(seen.mask.hides(n) for n, _ in fields)
    return "" if hidden or sum(len(n) + len(v) for n, v in fields) > EDIT_MOST else to_text(fields)


def _readers(ctx: ActionContext[ReplayParams], facts: StreamFacts | None) -> list[Note]:
    """Who gets the copies: every group of the target, whatever they did with the originals."""
    to = plain(ctx.params.to)
    if facts is None:
        return [Note("late", f"{to} does not exist yet", "The first entry creates it, without groups.")]
    if facts.groups == 0:
        return [Note("late", f"No group reads {to}", "The copies stay there until one does.")]
    groups = ctx.server.run(StreamQuery(ctx.params.to, ctx.server.capabilities())).groups
    names = ", ".join(plain(g.name) for g in groups[:4])
    more = f" and {facts.groups - 4} more" if facts.groups > 4 else ""
    several = "Groups that processed the originals get them again." if facts.groups > 1 else ""
    severity = "late" if facts.groups > 1 else ""
    return [Note(severity, f"{plural(facts.groups, 'group')} will get them: {names}{more}", several)]


def _provenance_note(ctx: ActionContext[ReplayParams], found: Found) -> list[Note]:
    entries = [entry for entry in read(ctx, found.ids[:5]).values() if entry]
    origins = {block(entry.fields).get(STREAM) for entry in entries} - {None}
    if ctx.params.to in origins:
        return [Note("", "They are restored to their original form", "The fields with their origin are dropped.")]
    if origins:
        came = ", ".join(sorted(plain(origin) for origin in origins if origin))
        return [Note("late", f"They came from {came}", f"{plain(ctx.params.to)} is another stream.")]
    return []


def _edited_note(ctx: ActionContext[ReplayParams]) -> list[Note]:
    return (
        [Note("late", "Its fields were edited", "The copy differs from the original.")]
        if ctx.params.edited is not None
        else []
    )


def _bound_notes(ctx: ActionContext[ReplayParams], found: Found) -> list[Note]:
    notes = [] if found.named else [Note("", f"Up to {found.end}", "Later entries are not replayed.")]
    rate = ctx.params.per_second
    if rate is None:
        return notes
    return [*notes, Note("", f"At most {rate:,} per second", f"This takes about {age(found.total * 1000 // rate)}.")]


def _lines(ctx: ActionContext[ReplayParams], found: Found) -> list[str]:
    fields = ctx.params.edited or ((b"<field>", b"<value>"),)
    words = writes.add_argv(ctx.params.to, fields)
    first = str(found.ids[0])
    return [
        "# for each entry",
        redis_cli_text.line("XRANGE", ctx.key, first, first),
        redis_cli_text.line(*words, max_length=2000),
    ]
