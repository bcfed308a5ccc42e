"""What an answer may weigh: large payloads make a list shorter and values cut, never an answer that fills a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from dashboard.display.rows import JSON_BYTES, Sight, values_json
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry, Fields, Page, PendingEntry

ANSWER_CHARS = 3_500_000
"""Characters that the fields in one answer make."""
FIELDS = 5_000
"""Fields of one entry that are given when all of them would be too much."""
_AROUND = 100
"""The most characters around a name and a value."""

Item = TypeVar("Item", Entry, PendingEntry)


def fitting(fields: Fields, seen: Sight) -> dict[str, Any]:
    """`fields` of one entry; one that is too large has its values cut, and a reason when fields are left out."""
    found = values_json(fields, seen)
    if _most(fields) <= ANSWER_CHARS or len(json.dumps(found)) <= ANSWER_CHARS:
        return {"fields": found}
    some = fields[:FIELDS]
    room = (ANSWER_CHARS - _AROUND * len(some)) // (2 * 6 * len(some))
    cut = {"fields": values_json(some, seen, limit=min(room, JSON_BYTES))}
    left_out = len(fields) - len(some)
    return {**cut, "fields_reason": f"{left_out:,} more fields omitted."} if left_out else cut


def fitting_items(
    page: Page[Item], tell: Callable[[Item], dict[str, Any]]
) -> tuple[list[dict[str, Any]], StreamId | None]:
    """The items of a page, as many as an answer takes and at least one, and where to go on."""
    items = [tell(item) for item in page.items]
    if sum(_most(item.fields) for item in page.items) <= ANSWER_CHARS:
        return items, page.next
    taken = 0
    for at, item in enumerate(items):
        taken += len(json.dumps(item["fields"]))
        if at and taken > ANSWER_CHARS:
            return items[:at], page.items[at].id
    return items, page.next


def _most(fields: Fields) -> int:
    """More than fields can make: a control character is six characters of JSON."""
    return sum(6 * (len(name) + len(value)) + _AROUND for name, value in fields)
