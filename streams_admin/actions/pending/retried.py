"""Poison that workers retry every moment: it changes between look and run, so that no plan of it would ever hold.

With `retried` an entry is acted upon that is still pending in the group, delivered as often as it was seen or more
often, whoever has it now. Only entries that the plan names one by one can be meant: those of a long list are told from
new ones by nobody having touched them.
"""

from __future__ import annotations

from django import forms

from dashboard.config.active import configured
from dashboard.display.format import plural
from streams_admin.actions.context import ActionContext
from streams_admin.actions.pending.words import guard_note
from streams_admin.actions.preview import Note
from streams_admin.actions.reads.snapshots import Looked
from streams_admin.params.pending import PendingParams

SOON_MS = 60_000
"""What was delivered again and again, and less than that ago, is likely to be before a plan is run."""
ADVICE = (
    "Entries that they retry before it runs are left alone, unless “Also if redelivered in the meantime” is ticked."
)


class RetriedForm(forms.Form):
    """Whether what is retried meanwhile is meant too."""

    retried = forms.BooleanField(
        label="Also if redelivered in the meantime",
        required=False,
        help_text="Workers that keep retrying change the entries between plan and run, and the plan is refused.",
    )


def guard_notes(ctx: ActionContext[PendingParams], looked: Looked, slug: str) -> list[Note]:
    """What is left alone, and whether that may be all of it. `slug`: of the action."""
    if ctx.params.again:
        text = "A worker that is processing one of them keeps working on it, and may still finish it."
        return [Note("late", "Also entries redelivered in the meantime", text)]
    return [*_refusal_note(looked, slug), guard_note(looked)]


def _refusal_note(looked: Looked, slug: str) -> list[Note]:
    poison = configured().poison_deliveries
    moving = sum(e.deliveries >= poison and 0 <= e.idle_ms < SOON_MS for e in looked.entries)
    if not moving:
        return []
    were = plural(moving, "entry was", "entries were")
    text = f"{were} delivered {poison} times or more, most recently less than a minute ago. {ADVICE}"
    return [Note("late", "This plan will probably be refused: workers keep retrying", text, instead=slug)]
