"""Delete: remove entries from a stream, named or as a range. What groups still need of them is counted first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.display.format import number
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain
from dashboard.streams.snapshots import Entry
from streams_admin import writes
from streams_admin.actions.context import ActionContext
from streams_admin.actions.entries.base import EntriesAction, EntriesBatch, EntriesForm, again, sample
from streams_admin.actions.lines import lines
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.affected import named, ranged
from streams_admin.actions.reads.entries import read
from streams_admin.actions.reads.losses import PENDING_TEXT, counts_of, loss_notes, losses, may_lose, worse
from streams_admin.actions.reads.snapshots import EntriesSeen, Found, Loss
from streams_admin.actions.single import typed
from streams_admin.actions.work import Done, EntryWork, Place
from streams_admin.errors import BadParameters
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.entries import DeleteParams

RESULT = {1: "done", 2: "still_referenced", -1: "not_found"}
AT_ONCE = 100
"""Entries of one XDELEX at most: for each of them it looks at every group."""


class Delete(EntriesAction[DeleteParams, EntryWork]):
    model = DeleteParams
    work_model = EntryWork
    slug = "delete"
    label = "Delete entries…"
    permission = Permission.DELETE
    literal = True
    irreversible = True
    pieces = True
    at_once = AT_ONCE
    late_safe = True

    def look(self, ctx: ActionContext[DeleteParams]) -> tuple[Preview, EntriesSeen]:
        missing = ctx.server.capabilities().missing("xdelex")
        if missing and ctx.params.references != "keep":
            raise BadParameters(f"references can only be keep here: {ctx.params.references} {missing}.")
        return super().look(ctx)

    def preview(self, ctx: ActionContext[DeleteParams], found: Found) -> tuple[Preview, Sequence[Loss]]:
        length, mode = found.overview.facts.length, ctx.params.references
        lost = losses(ctx, found)
        groups = len(found.overview.groups) + found.overview.groups_cut
        certain = not found.least and mode != "acked"
        some_stay = mode == "acked" and not found.least and may_lose(lost, groups)
        what = f"Delete {'up to ' if some_stay else ''}{found.text}"
        preview = Preview(
            title=what,
            sentence=f"Removes them from {plain(ctx.key)}, for every group. This cannot be undone.",
            button=what,
            total=found.total,
            least=found.least,
            counts=_counts(found, lost),
            notes=[*_acked_note(lost, groups, mode), *_mode_note(ctx, mode)],
            changes=[Change("entries", length, length - found.total if certain else None)],
            sample=sample(found),
            redis_cli=_lines(ctx, found),
            confirm=typed(ctx.key),
        )
        return preview, lost

    def still(self, ctx: ActionContext[DeleteParams], seen: EntriesSeen) -> str:
        if ctx.params.references == "acked":
            return ""  # the server asks every group itself
        group = worse(seen.losses, losses(ctx, again(ctx, seen)))
        return f"{group} would lose more than shown." if group else ""

    def batch(self, ctx: ActionContext[DeleteParams], seen: EntriesSeen, cursor: Place | None) -> EntriesBatch:
        return self.next_entries(ctx, seen, cursor)

    def act(self, ctx: ActionContext[DeleteParams], seen: EntriesSeen, work: Sequence[EntryWork]) -> Done:
        ids = [StreamId.parse(item.ids) for item in work]
        replies = writes.delete(ctx.server, ctx.key, ids, references=ctx.params.references)
        return Done.of([(str(i), RESULT[reply]) for i, reply in zip(ids, replies, strict=True)])

    def reconcile(self, ctx: ActionContext[DeleteParams], seen: EntriesSeen, work: Sequence[EntryWork]) -> Done:
        """What is not there any more is deleted; by whom makes no difference."""
        there = read(ctx, [StreamId.parse(item.ids) for item in work])
        return Done.of([(str(i), "failed" if entry else "done") for i, entry in there.items()])

    def affected(self, ctx: ActionContext[DeleteParams], seen: EntriesSeen) -> Iterator[Sequence[Entry]]:
        return named(ctx, seen.ids) if seen.ids else ranged(ctx, seen.start, seen.end, seen.limit)

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return DeleteForm(data, ctx)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        assert isinstance(form, DeleteForm)
        return {**form.selection(ctx), "references": form.cleaned_data["references"]}


class DeleteForm(EntriesForm):
    """Two empty boxes delete nothing: the whole stream has to be said."""

    field_order = ("start", "end", "whole")
    whole = forms.BooleanField(label="The whole stream", required=False)
    references = forms.ChoiceField(
        label="If they are pending",
        choices=[("keep", "keep them on the pending lists, without content")],
    )

    def __init__(self, data: Any, ctx: ActionContext[Address]) -> None:
        super().__init__(data, ctx)
        if ctx.params.ids:
            del self.fields["whole"]
        missing = ctx.server.capabilities().missing("xdelex")
        field = self.fields["references"]
        assert isinstance(field, forms.ChoiceField)
        if missing:
            field.help_text = f"Other choices: {missing}."
        else:
            more = [
                ("delete", "remove them from the pending lists too"),
                ("acked", "keep entries any group still needs"),
            ]
            field.choices = [("keep", "keep them on the pending lists, without content"), *more]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "whole" not in self.fields or self.errors:
            return found
        bounded = bool(found["start"] or found["end"])
        if bounded and found["whole"]:
            raise forms.ValidationError(
                "Clear the checkbox or empty the fields: it is either the whole stream or a part."
            )
        if not bounded and not found["whole"]:
            raise forms.ValidationError("Enter a start or an end, or tick the whole stream.")
        return found


def _counts(found: Found, lost: list[Loss]) -> dict[str, int | None]:
    return {"entries": found.total, "not_found": len(found.absent), **counts_of(lost)}


def _acked_note(lost: list[Loss], groups: int, mode: str) -> list[Note]:
    """With `acked` nobody loses anything: what a group needs stays."""
    if mode != "acked":
        return loss_notes(lost, groups, pending_text=PENDING_TEXT[mode])
    needing = [plain(loss.group) for loss in lost if loss.pending or loss.unread]
    title = "Only entries every group has acknowledged are deleted"
    if not needing:
        return [Note("", title)]
    stay = max(loss.weight for loss in lost)
    return [Note("late", title, f"At least {number(stay)} of them stay: still needed by {', '.join(needing)}.")]


def _mode_note(ctx: ActionContext[DeleteParams], mode: str) -> list[Note]:
    missing = ctx.server.capabilities().missing("xdelex")
    if mode == "keep" and missing:
        return [Note("", "Pending lists stay as they are", f"Cleaning them up in the same step {missing}.")]
    return []


def _lines(ctx: ActionContext[DeleteParams], found: Found) -> list[str]:
    return lines(lambda ids: [writes.delete_argv(ctx.key, ids, ctx.params.references)], found.ids, found.total)
