"""Acknowledge: take entries off the pending list. They stay in the stream; the group does not get them again."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.streams.names import plain
from streams_admin.actions.context import ActionContext
from streams_admin.actions.pending import retried
from streams_admin.actions.pending.base import Acknowledging, acked_lines
from streams_admin.actions.pending.words import busy_note, ghost_note, owners, per_consumer, preview_of
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.snapshots import Looked
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.pending import AckParams


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
                Change("entries in the stream", looked.overview.stream.length, looked.overview.stream.length),
            ],
            redis_cli=acked_lines(ctx, looked),
        )

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return retried.RetriedForm(data)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        return {**self.addressed(ctx.params), "retried": form.cleaned_data["retried"]}
