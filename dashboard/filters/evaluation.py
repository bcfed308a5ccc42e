"""Whether an entry matches.

A condition may have no answer: the field is masked, the value too large to be looked into, there are too many values to
compare, the ID is no time. Negated it
has none either, and an entry is kept only where the filter as a whole has the answer yes. So no filter tells anything
of what policy hides, whichever way it is asked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from dashboard.accounts.masking import Mask
from dashboard.filters import paths
from dashboard.filters.limits import JSON_BYTES, VALUES
from dashboard.filters.nodes import And, Condition, Field, Has, IdBound, Node, Not, Or, TimeBound
from dashboard.filters.numbers import number
from dashboard.streams.payloads.trees import parsed
from dashboard.streams.snapshots import Entry, PendingEntry

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Found = Iterable[bytes]
"""The values a condition is asked of: those of a repeated field, or of an array, each."""


class Evaluation:
    """Of one entry. A JSON document in it is read once, however many conditions look into it."""

    def __init__(self, entry: Entry | PendingEntry, mask: Mask) -> None:
        self._entry, self._mask = entry, mask
        self._documents: dict[bytes, Any] = {}
        self._left = VALUES

    def holds(self, node: Node, wanted: bool) -> bool:
        """Whether the answer is `wanted`, for sure."""
        if isinstance(node, Not):
            return self.holds(node.part, not wanted)
        if isinstance(node, (And, Or)):
            every = all if isinstance(node, And) is wanted else any
            return every(self.holds(part, wanted) for part in node.parts)
        return self._answer(node) is wanted

    def _answer(self, node: Condition | Has | IdBound | TimeBound) -> bool | None:
        """None: there is no answer."""
        if isinstance(node, IdBound):
            return ORDERS[node.sign](self._entry.id, node.id)
        if isinstance(node, TimeBound):
            ms = self._entry.id.clock_ms
            return None if ms is None else ORDERS[node.sign](ms, node.ms)
        found = self._find(node.field)
        if found is None:
            return None
        there, values = found
        if isinstance(node, Has) or not there:
            return there
        compared = self._take(values)
        return None if compared is None else _compares(node, compared)

    def _take(self, values: Found) -> Sequence[bytes] | None:
        """All of them, or None where that would be more than are compared in one entry."""
        taken = list(islice(values, self._left + 1))
        if len(taken) > self._left:
            return None
        self._left -= len(taken)
        return taken

    def _find(self, field: Field) -> tuple[bool, Found] | None:
        """Whether it is there, and its values; None: that may not be known, or is not."""
        if self._mask.fields and any(map(self._mask.hides, field.names)):
            return None
        if not field.path:
            values = self._values(field.name)
            return bool(values), values
        if field.whole and (values := self._values(field.whole)):
            return True, values
        return self._inside(field)

    def _values(self, name: bytes) -> list[bytes]:
        return [value for found, value in self._entry.fields if found == name]

    def _inside(self, field: Field) -> tuple[bool, Found] | None:
        values = self._values(field.name)
        if any(len(value) > JSON_BYTES for value in values):
            return None
        found = [each for value in values for each in paths.at(self._document(value), field.path)]
        return bool(found), (text for each in found for text in paths.texts(each))

    def _document(self, value: bytes) -> Any:
        if value not in self._documents:
            self._documents[value] = parsed(value.decode("utf-8", "replace"))
        return self._documents[value]


def _compares(condition: Condition, values: Sequence[bytes]) -> bool:
    """Any of the values does; with `!=` every one, for none may be equal."""
    if condition.sign == "~":
        return any(condition.value.lower() in value.lower() for value in values)
    compare = ORDERS[condition.sign]
    combine = all if condition.sign == "!=" else any
    if condition.number is None:
        return combine(compare(value, condition.value) for value in values)
    return combine(_compares_numbers(compare, condition, value) for value in values)


def _compares_numbers(compare: Callable[[Any, Any], bool], condition: Condition, value: bytes) -> bool:
    """What is no number is neither more nor less, and equal to none."""
    found = number(value)
    return condition.sign == "!=" if found is None else compare(found, condition.number)
