"""What the forms of several actions do."""

from __future__ import annotations

from django import forms


def choice_field(form: forms.Form, name: str) -> forms.ChoiceField:
    """A field of a form whose choices are only known when it is shown: set its `choices`. Raises TypeError."""
    field = form.fields[name]
    if not isinstance(field, forms.ChoiceField):
        raise TypeError(f"{name} is not a valid choice")
    return field
