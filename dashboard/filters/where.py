"""`field = value`: the small language in which a page, the API and a live watch filter entries."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from dashboard.accounts.masking import Mask
from dashboard.http.params import BadParameter
from dashboard.streams.snapshots import Entry

# One way to match, so that no text makes it try many: what surrounds field and value is taken off afterwards.
_FORM = re.compile(r"(?P<field>[^=!~<>]+)(?P<sign>!=|<=|>=|[=~<>])(?P<value>.*)", re.DOTALL)
# Few digits: a payload must not make us count with a million of them.
_NUMBER = re.compile(rb"\s*([+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?)\s*")

SIZES: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EXAMPLES = "status = failed, status != paid, note ~ part, quantity > 4 (also <, >=, <=; these compare numbers)"
"""Every form, by example."""
PATTERN = (
    r"^[^=!~<>]*[^=!~<>\s][^=!~<>]*"
    r"((=|!=|~)[\s\S]*|(<=|>=|<|>) *[+-]?[0-9]{1,40}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,3})? *)$"
)
"""The same as a regular expression, for the description of the API."""


@dataclass(frozen=True, slots=True)
class Where:
    """One condition. A repeated field matches by any of its values; `!=` needs the field to be there.

    `number`: the value of a sign that compares numbers, None elsewhere.
    """

    field: bytes
    sign: str
    value: bytes
    number: Decimal | None = None

    def keeps(self, entry: Entry, mask: Mask) -> bool:
        """A masked field never matches: a filter must not tell what policy hides."""
        if mask.hides(self.field):
            return False
        values = [value for name, value in entry.fields if name == self.field]
        if self.sign == "!=":
            return bool(values) and self.value not in values
        if self.sign == "~":
            return any(self.value.lower() in value.lower() for value in values)
        if self.number is not None:
            return self._compares(self.number, values)
        return self.value in values

    def _compares(self, limit: Decimal, values: list[bytes]) -> bool:
        """What is no number is neither more nor less."""
        compare = SIZES[self.sign]
        return any(compare(number, limit) for value in values if (number := _number(value)) is not None)


def parse(text: str) -> Where:
    """`status = failed`, `status != ok`, `name ~ part`, `total >= 100`. Raises BadParameter."""
    match = _FORM.fullmatch(text)
    if not match or not match["field"].strip():
        raise _refused(f"{text[:60]!r} is not a valid condition; write a field and a value, like {EXAMPLES}.")
    sign, value = match["sign"], _bytes(match["value"].strip())
    number = _number(value) if sign in SIZES else None
    if sign in SIZES and number is None:
        raise _refused(f"{text[:60]!r} is not a valid condition: {sign} compares numbers, like quantity {sign} 4.")
    return Where(_bytes(match["field"].strip()), sign, value, number)


def _refused(why: str) -> BadParameter:
    return BadParameter("where", f"where: {why}")


def _number(value: bytes) -> Decimal | None:
    match = _NUMBER.fullmatch(value)
    return Decimal(match[1].decode()) if match else None


def _bytes(text: str) -> bytes:
    """JSON may carry half a character; no payload is equal to it, and nothing breaks."""
    return text.encode("utf-8", "surrogatepass")
