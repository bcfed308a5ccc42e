"""Going on in a list that lies in memory and changes: a cursor is the place of the last item, not its number."""

from __future__ import annotations

import json
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import TypeVar

from dashboard.http.params import BadParameter

T = TypeVar("T")
Place = tuple[tuple[float, ...], str]
"""What a list is ordered by: numbers first, then a text that no other item has."""


def part(
    items: Iterable[T], place: Callable[[T], Place], *, cursor: str, limit: int, reverse: bool = False
) -> tuple[list[T], str | None]:
    """The first `limit` items behind the cursor ("" is the beginning), and the cursor of what is left, if anything is.

    Raises BadParameter for a cursor that no answer gave.
    """
    placed = sorted(((place(item), item) for item in items), key=operator.itemgetter(0), reverse=reverse)
    if cursor:
        after, is_past = _read(cursor), operator.lt if reverse else operator.gt
        placed = [(at, item) for at, item in placed if is_past(at, after)]
    found = placed[:limit]
    return [item for _, item in found], _write(found[-1][0]) if len(placed) > limit else None


def unique(name: bytes) -> str:
    """Any bytes as text that sorts as they do."""
    return name.decode("latin-1")


def _write(place: Place) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read(cursor: str) -> Place:
    try:
        numbers, text = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = tuple(numbers), text
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad(cursor) from error
    if not isinstance(text, str) or not all(isinstance(number, int | float) for number in place[0]):
        raise _bad(cursor)
    return place


def _bad(cursor: str) -> BadParameter:
    return BadParameter("cursor", f"cursor is {cursor[:40]!r}; allowed: the `next` of the previous page.")
