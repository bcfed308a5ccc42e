"""Muting a finding: a form that asks until when and why, and the button that ends a mute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.accounts.authenticators import principal_of
from dashboard.display.format import epoch_ms, when
from dashboard.fleet.store import LONGEST, REASON_MOST, BadMute, MuteTarget, mute, to_mute, unmute

HOURS = {"1": "1 hour", "4": "4 hours", "24": "1 day", "168": "7 days"}
EXACTLY = "until"
"""The choice of an exact time, and the name of its box."""


class MuteForm(forms.Form):
    """`cleaned_data["end"]` is when the mute ends, which is not checked to be within what is allowed."""

    span = forms.ChoiceField(
        label="Until", choices=[*HOURS.items(), (EXACTLY, "exactly")], initial="4", widget=forms.RadioSelect
    )
    until = forms.DateTimeField(
        label="Date and time",
        required=False,
        error_messages={"invalid": "Enter a date and a time, like 2026-11-30 18:00."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=REASON_MOST,
        error_messages={"required": "Enter a reason: everybody who looks sees it."},
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        span, exactly = found.get("span"), found.get(EXACTLY)
        if span in HOURS:
            found["end"] = timezone.now() + min(timedelta(hours=int(span)), LONGEST)
        elif exactly:
            found["end"] = exactly
        elif EXACTLY not in self.errors:
            self.add_error(EXACTLY, "Enter a date and a time, or choose one of the others.")
        return found


@require_http_methods(["GET", "HEAD", "POST"])
def mute_form(request: HttpRequest, incident: UUID) -> HttpResponseBase:
    """Raises Gone and Forbidden."""
    found = to_mute(principal_of(request), incident)
    form = MuteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _mutes(request, incident, form):
        return redirect("attention")
    return _page(request, found, form)


@require_POST
def unmute_button(request: HttpRequest, incident: UUID) -> HttpResponseBase:
    """Raises Gone and Forbidden."""
    unmute(principal_of(request), incident)
    messages.success(request, "The mute has ended.")
    return redirect("attention")


def _mutes(request: HttpRequest, incident: UUID, form: MuteForm) -> bool:
    end: datetime = form.cleaned_data["end"]
    try:
        mute(principal_of(request), incident, end, form.cleaned_data["reason"])
    except BadMute as error:
        form.add_error(EXACTLY, str(error))
        return False
    messages.success(
        request, f"Muted until {when(epoch_ms(end), epoch_ms(timezone.now()), timezone.get_current_timezone())}."
    )
    return True


def _page(request: HttpRequest, found: MuteTarget, form: MuteForm) -> HttpResponseBase:
    context = {
        "found": found,
        "server": found.server,
        "form": form,
        "exactly": EXACTLY,
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "streamgauge/incidents/mute.html", context, status=400 if form.errors else 200)
