"""The form of a trim: how far, in a way that fits the IDs of the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms

from dashboard.streams.id_units import IdTimes

DAY_MS = 86_400_000


class TrimForm(forms.Form):
    """How far. An age is offered where IDs are times, and becomes an ID where they count another unit than ms."""

    keep = forms.IntegerField(label="Keep the newest", required=False, min_value=0, help_text="entries")
    minid = forms.CharField(label="or remove entries below the ID", required=False, max_length=41)
    days = forms.FloatField(label="or older than", required=False, min_value=0.001, help_text="days")
    safe = forms.BooleanField(
        label="Keep entries any group still needs",
        required=False,
        initial=True,
        help_text="Pending and unread entries stay.",
    )
    exact = forms.BooleanField(
        label="Exact",
        required=False,
        help_text="Off: approximate (~), faster; only whole nodes are removed.",
    )

    def __init__(self, data: Any, times: IdTimes | None, now_ms: Callable[[], int]) -> None:
        """`times`: of the stream's IDs, None without a stream; `now_ms` asks the server's clock."""
        super().__init__(data)
        self._times, self._now_ms = times, now_ms
        if times is None or times.ages:
            return
        if times.unit is None:
            del self.fields["days"]
            self.fields["minid"].help_text = self._no_age(times)
        else:
            self.fields["days"].help_text = f"days; IDs here count {times.unit.name} ({times.example})"

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "days" not in self.fields and self.data.get("days") and self._times:
            raise forms.ValidationError(self._no_age(self._times))
        given = [key for key in ("keep", "minid", "days") if found.get(key) not in (None, "")]
        if len(given) != 1:
            raise forms.ValidationError(f"Fill in one of the {'three' if 'days' in self.fields else 'two'}.")
        bound = self._bound(given[0], found)
        found["bound"] = {**bound, "approximate": not found.get("exact"), "safe": bool(found.get("safe"))}
        return found

    @staticmethod
    def _no_age(times: IdTimes) -> str:
        return f"IDs here are not times ({times.example}): no age can be given."

    def _bound(self, given: str, found: dict[str, Any]) -> dict[str, object]:
        if given == "keep":
            return {"maxlen": found["keep"]}
        if given == "minid":
            return {"minid": str(found["minid"]).strip()}
        older_than_ms = int(found["days"] * DAY_MS)
        if self._times is None or self._times.unit is None or self._times.ages:
            return {"older_than_ms": older_than_ms}
        return {"minid": str(self._times.unit.at(self._now_ms() - older_than_ms))}
