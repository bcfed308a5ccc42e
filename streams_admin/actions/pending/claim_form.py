"""Choosing who gets claimed entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from dashboard.display.format import age, number
from dashboard.http.params import BadParameter, duration_ms
from dashboard.streams.names import plain, to_path
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview
from streams_admin.actions.preview import Note
from streams_admin.forms import choice_field

QUIET_MS = 60_000
"""A consumer that has not read for longer may be gone."""


MORE = ("min_idle_ms", "idle_ms", "time_ms", "retrycount", "force")
"""Fields that the page folds away."""


class Duration(forms.CharField):
    """A time as the filters of pages take it, in milliseconds; None where nothing was put in."""

    def __init__(self, *, label: str, help_text: str) -> None:
        super().__init__(label=label, help_text=help_text, required=False, max_length=40)

    def clean(self, value: Any) -> int | None:
        text = str(super().clean(value))
        query = QueryDict(mutable=True)
        query["It"] = text
        try:
            return duration_ms(query, "It") if text else None
        except BadParameter as error:
            raise forms.ValidationError(str(error)) from error


class ClaimForm(forms.Form):
    """Who gets the entries: a consumer of the group, or a new name. One is chosen beforehand only if it read lately."""

    to = forms.ChoiceField(label="To", required=False)
    new = forms.CharField(label="or to a new name", required=False, max_length=200)
    bump = forms.BooleanField(label="Increment delivery count", required=False, help_text="Off: unchanged (JUSTID).")
    keep_idle = forms.BooleanField(
        label="Keep the idle time",
        required=False,
        help_text="Otherwise idle time resets to 0.",
    )

    min_idle_ms = Duration(
        label="Minimum idle time", help_text="For example 5 min. Other entries are left alone (min-idle-time)."
    )
    idle_ms = Duration(
        label="New idle time",
        help_text="For example 1 h: workers that claim idle entries may take them at once (IDLE).",
    )
    time_ms = forms.IntegerField(
        label="or last delivered at",
        required=False,
        min_value=0,
        help_text="Milliseconds since 1970 (TIME).",
    )
    retrycount = forms.IntegerField(
        label="New delivery count",
        required=False,
        min_value=0,
        help_text="Workers that give up after a number of deliveries go by it (RETRYCOUNT).",
    )
    force = forms.BooleanField(
        label="Include entries that are not pending",
        required=False,
        help_text="Selected entries become pending even if they were acknowledged long ago (FORCE).",
    )

    folded = "Advanced XCLAIM options"
    """What the part with the fields of `more` is called."""
    caution: Note | None = None
    instead = "release"
    """What else could be done, where there is a caution."""

    def __init__(self, data: Any, *, overview: GroupOverview, losing: set[bytes], named: bool) -> None:
        super().__init__(data)
        if not named:
            del self.fields["force"]
        fit = [c for c in overview.consumers if c.name not in losing] or overview.consumers
        choices = choices_of(fit)
        if all(c.idle_ms >= QUIET_MS for c in fit):
            choices = [("", "choose a consumer"), *choices]
            self.caution = Note("late", "No consumer has read recently", "The new owner may never read them.")
        choice_field(self, "to").choices = choices

    @property
    def more(self) -> list[forms.BoundField]:
        """Fields that are rarely needed."""
        return [self[name] for name in MORE if name in self.fields]

    @property
    def unfolded(self) -> bool:
        """Whether something was put into one of them."""
        return self.is_bound and any(field.data or field.errors for field in self.more)

    def clean_new(self) -> str:
        return to_path(str(self.cleaned_data["new"]).encode()) if self.cleaned_data["new"] else ""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not found.get("to") and not found.get("new"):
            raise forms.ValidationError("Choose the new owner.")
        return found


def choices_of(consumers: Iterable[ConsumerFacts]) -> list[tuple[str, str]]:
    """Those that read lately first, and among them those that hold little."""
    fit = sorted(consumers, key=lambda c: (c.idle_ms >= QUIET_MS, c.pending, c.name))
    return [(to_path(c.name), _choice(c)) for c in fit[:200]]


def _choice(consumer: ConsumerFacts) -> str:
    read = f"read {age(consumer.idle_ms)} ago" if consumer.idle_ms < QUIET_MS else f"silent for {age(consumer.idle_ms)}"
    return f"{plain(consumer.name)}: {read}, holds {number(consumer.pending)}"
