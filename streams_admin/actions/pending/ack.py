"""Acknowledge: take entries off the pending list. They stay in the stream; the group does not get them again."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.streams.names import plain
from streams_admin import writes
from streams_admin.actions.base import ActionContext, Change, Done, Note, Preview, Seen, ids_of
from streams_admin.actions.lines import lines
from streams_admin.actions.pending import retried
from streams_admin.actions.pending.base import Pending, PendingAction
from streams_admin.actions.pending.unchanged import lease_batches, leases, not_done
from streams_admin.actions.pending.words import busy_note, ghost_note, owners, per_consumer, preview_of
from streams_admin.actions.reads.pending import Looked, read_pending
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.pending import AckParams, PendingParams

RESULT = {1: "done", 0: "already_acknowledged", -1: "owner_changed"}


class Acknowledging(PendingAction[Pending]):
    """What takes entries off the pending list."""

    permission = Permission.ACK

    def act(self, ctx: ActionContext[Pending], seen: Seen, work: list[Any]) -> Done:
        replies = writes.ack(ctx.server, ctx.key, ctx.params.group, lease_batches(work), retried=ctx.params.again)
        if replies is None:
            return Done.uniform("done", work)
        return Done.of((id_, RESULT[reply]) for id_, reply in zip(ids_of(work), replies, strict=True))

    def reconcile(self, ctx: ActionContext[Pending], seen: Seen, work: list[Any]) -> Done:
        """What is not pending any more was acknowledged, by us or by its worker: the same to everybody."""
        entries = leases(work)
        left = {entry.id for entry in read_pending(ctx, [e.id for e in entries])}
        done = [(str(e.id), "done") for e in entries if e.id not in left]
        return Done.of(done + not_done(ctx, [e for e in entries if e.id in left]))


class Ack(Acknowledging[AckParams]):
    model = AckParams
    slug = "ack"
    label = "Acknowledge…"

    def preview(self, ctx: ActionContext[AckParams], looked: Looked) -> Preview:
        group = plain(ctx.params.group)
        now = looked.overview.pending.count
        return preview_of(
            looked,
            "Acknowledge",
            f"Removes them from the pending list of {group}, as if a worker had finished them.",
            notes=[
                Note("late", "Nobody will process them", "The group never delivers an acknowledged entry again."),
                *busy_note(looked),
                *ghost_note(looked, "Acknowledging is the right way to clear them."),
                *retried.guard_notes(ctx, looked, self.slug),
            ],
            changes=[
                *per_consumer(looked, {n: -count for n, count in owners(looked).items()}),
                Change("all", now, None if looked.least else now - looked.total),
                Change("in the stream", looked.overview.stream.length, looked.overview.stream.length),
            ],
            redis_cli=acked_lines(ctx, looked),
        )

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return retried.RetriedForm(data)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        return {**self.addressed(ctx.params), "retried": form.cleaned_data["retried"]}


def acked_lines(ctx: ActionContext[PendingParams], looked: Looked) -> list[str]:
    ids = [entry.id for entry in looked.entries]
    return lines(lambda some: [writes.ack_words(ctx.key, ctx.params.group, some)], ids, looked.total)
