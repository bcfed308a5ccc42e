"""Choosing a position: a radio button for each way to say it, with its box beside it.

Nothing is chosen beforehand. A box that is filled in chooses its button, so that no script is needed for that; where it
contradicts the button that was chosen, the form is refused: a slip here delivers a whole stream again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField, BoundWidget
from pydantic_core import PydanticCustomError

from streams_admin.forms import choice_field
from streams_admin.params.kinds import position_of

AT = ("at", "at an ID or a time")
"""The choice that has a box to type into."""


class PositionForm(forms.Form):
    """Where a group stands or begins. `boxes`: the fields that stand beside the choice of their name."""

    boxes: tuple[str, ...] = ("at",)
    to = forms.ChoiceField(label="Set it to", required=False, widget=forms.RadioSelect)
    at = forms.CharField(
        label="ID or time",
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"data-chooses": "to"}),
        help_text="Entries after the ID are delivered (1763596680412-0), or entries added since (14:05, -2h).",
    )

    def offer(self, choices: Sequence[tuple[str, str]]) -> None:
        """Which choices there are."""
        choice_field(self, "to").choices = choices

    def visible_fields(self) -> list[BoundField]:
        """Those that have a line of their own."""
        return [field for field in super().visible_fields() if field.name not in self.boxes]

    def choosing(self) -> Iterator[tuple[BoundWidget, BoundField | None]]:
        """Each button, and its box."""
        for button in self["to"].subwidgets:
            value = button.data["value"]
            yield button, self[value] if value in self.boxes else None

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not {"to", *self.boxes} & set(self.errors):
            found["to"] = self._chosen(found)
        if found.get("to") == "at":
            found["at"] = self._typed(found.get("at", ""))
        return found

    @property
    def position(self) -> str:
        """The end or an ID, of a valid form that chose one."""
        found = self.cleaned_data
        return str(found["at"] if found["to"] == "at" else found["to"])

    def _chosen(self, found: dict[str, Any]) -> str:
        chosen, filled = found.get("to"), [box for box in self.boxes if found.get(box)]
        meant = [*([chosen] if chosen else []), *(box for box in filled if box != chosen)]
        if len(meant) == 1:
            return str(meant[0])
        self.add_error("to", "Choose one of these." if not meant else self._contradiction(meant))
        return ""

    def _contradiction(self, meant: list[str]) -> str:
        named = {button.data["value"]: button.data["label"] for button in self["to"].subwidgets}
        said = " and ".join(f"“{str(named[one]).partition(':')[0]}”" for one in meant)
        return f"{said} contradict each other: choose one and clear the other."

    def _typed(self, text: str) -> str | None:
        try:
            return str(position_of(text))
        except PydanticCustomError as error:
            self.add_error("at", f"position{error.message()}" if text else "Enter an ID or a time.")
            return None
