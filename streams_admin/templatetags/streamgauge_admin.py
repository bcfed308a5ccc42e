"""Parts of the pages that act: how an operation stands, a field of a form, the way back."""

from __future__ import annotations

from django import template
from django.forms import BoundField

from streams_admin.models import Operation

register = template.Library()

OUTCOMES = {"done": ("ok", "Done"), "partly_done": ("late", "Partly done"), "unknown": ("unknown", "Unknown")}
STATES = {
    "done": ("ok", "Done", ""),
    "failed": ("stuck", "Failed", ""),
    "cancelled": ("late", "Cancelled", ""),
    "paused": ("unknown", "Paused", "idle"),
}


@register.inclusion_tag("streamgauge_admin/parts/_operation_state.html")
def operation_state(operation: Operation) -> dict[str, object]:
    """The state of an operation; without one that is listed it is running."""
    found = STATES.get(operation.state)
    if operation.state == "done" and not operation.results.get("done"):
        found = ("late", "Nothing done", "")
    severity, word, icon = found or ("", "", "")
    return {"severity": severity, "word": word, "icon": icon}


@register.inclusion_tag("streamgauge/parts/_status.html")
def outcome(name: str) -> dict[str, object]:
    """The outcome of a line of the audit log; one that is not listed is bad and its own word."""
    severity, word = OUTCOMES.get(name, ("stuck", name))
    return {"severity": severity, "word": word, "icon": severity}


@register.inclusion_tag("streamgauge_admin/parts/_field.html")
def form_field(field: BoundField) -> dict[str, object]:
    """A control with its label, its help and what is wrong with it."""
    return {"field": field}


@register.inclusion_tag("streamgauge_admin/parts/_field_errors.html")
def field_errors(field: BoundField) -> dict[str, object]:
    """What is wrong with a field, a paragraph each."""
    return {"field": field}
