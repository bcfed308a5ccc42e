"""Parts of the pages that act: how an operation stands, a field of a form, the way back."""

from __future__ import annotations

from django import template
from django.forms import BoundField

from streams_admin.models import Operation
from streams_admin.operations.outcomes import Outcome, outcome_of

register = template.Library()


@register.inclusion_tag("streamgauge_admin/parts/_outcome.html")
def outcome(found: Outcome) -> dict[str, object]:
    """How an operation, or what a line of the audit log is about, stands or ended."""
    return {"outcome": found}


@register.filter
def outcome_of_operation(operation: Operation) -> Outcome:
    """`{{ operation|outcome_of_operation }}`."""
    return outcome_of(operation)


@register.inclusion_tag("streamgauge_admin/parts/_field.html")
def form_field(field: BoundField) -> dict[str, object]:
    """A control with its label, its help and what is wrong with it."""
    return {"field": field}


@register.inclusion_tag("streamgauge_admin/parts/_field_errors.html")
def field_errors(field: BoundField) -> dict[str, object]:
    """What is wrong with a field, a paragraph each."""
    return {"field": field}
