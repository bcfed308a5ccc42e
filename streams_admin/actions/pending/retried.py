"""Poison that workers retry every moment: it changes between look and run, so that no plan of it would ever hold.

With `retried` an entry is acted upon that is still pending in the group, delivered as often as it was seen or more
often, whoever has it now. Only entries that the plan names one by one can be meant: those of a long list are told from
new ones by nobody having touched them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from dashboard.config.active import configured
from dashboard.display.format import plural
from streams_admin.actions.base import ActionContext, Note, Params
from streams_admin.actions.pending.words import guard_note
from streams_admin.actions.reads.pending import Looked
from streams_admin.params.which import truth

SOON_MS = 60_000
"""What was delivered again and again, and less than that ago, is likely to be before a plan is run."""
ADVICE = (
    "What they take up before it is run is left alone, unless “Also if they are delivered again meanwhile” is ticked."
)


class RetriedForm(forms.Form):
    """Whether what is retried meanwhile is meant too."""

    retried = forms.BooleanField(
        label="Also if they are delivered again meanwhile",
        required=False,
        help_text="Workers that retry them every moment change them between look and run, and the plan is refused.",
    )


def option(raw: Mapping[str, Any]) -> Params:
    """Checked, and kept only where it is set."""
    return {"retried": True} if truth("retried", raw.get("retried", False)) else {}


def guard_notes(ctx: ActionContext, looked: Looked, slug: str) -> list[Note]:
    """What is left alone, and whether that may be all of it. `slug`: of the action."""
    if ctx.params.get("retried"):
        text = "Whoever has one of them in hand keeps working on it, and may finish it after all."
        return [Note("late", "Also what is delivered again meanwhile", text)]
    return [*_refusal_note(looked, slug), guard_note(looked)]


def _refusal_note(looked: Looked, slug: str) -> list[Note]:
    poison = configured().poison_deliveries
    moving = sum(e.deliveries >= poison and 0 <= e.idle_ms < SOON_MS for e in looked.entries)
    if not moving:
        return []
    were = plural(moving, "entry was", "entries were")
    text = f"{were} delivered {poison} times or more, and the last time less than a minute ago. {ADVICE}"
    return [Note("late", "It is likely to be refused: workers retry them", text, instead=slug)]
