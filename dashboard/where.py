"""`field = value`: the small language in which a page, the API and a live watch filter entries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dashboard.access import Mask
from dashboard.params import BadParameter
from dashboard.streams.snapshots import Entry

# One way to match, so that no text makes it try many: what surrounds field and value is taken off afterwards.
_FORM = re.compile(r"(?P<field>[^=!~]+)(?P<sign>!=|=|~)(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Where:
    """One condition. A repeated field matches by any of its values; `!=` needs the field to be there."""

    field: bytes
    sign: str
    value: bytes

    def keeps(self, entry: Entry, mask: Mask) -> bool:
        """A masked field never matches: a filter must not tell what policy hides."""
        if mask.hides(self.field):
            return False
        values = [value for name, value in entry.fields if name == self.field]
        if self.sign == "!=":
            return bool(values) and self.value not in values
        if self.sign == "~":
            return any(self.value.lower() in value.lower() for value in values)
        return self.value in values


def parse(text: str) -> Where:
    """`status = failed`, `status != ok`, `name ~ part`. Raises BadParameter."""
    match = _FORM.fullmatch(text)
    if not match or not match["field"].strip():
        raise BadParameter(f"where is {text[:60]!r}; allowed are field = value, field != value and field ~ part.")
    return Where(_bytes(match["field"].strip()), match["sign"], _bytes(match["value"].strip()))


def _bytes(text: str) -> bytes:
    """JSON may carry half a character; no payload is equal to it, and nothing breaks."""
    return text.encode("utf-8", "surrogatepass")
