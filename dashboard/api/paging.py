"""Going on in a list that lies in memory and changes: a cursor is the place of the last item, not its number."""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dashboard.http.params import BadParameter

CURSOR_MOST = 12_000
"""Its characters: what an address has room for."""
_NUMBER = r"-?[0-9]{1,25}(\.[0-9]{1,25})?(e[+-]?[0-9]{1,3})?"
CURSOR = f"^({_NUMBER}(,{_NUMBER}){{0,3}})?_([0-9a-f]{{2}})*$"
"""How a cursor looks, as a regular expression; "" is the beginning."""
_CURSOR = re.compile(CURSOR.strip("^$"))
T = TypeVar("T")
Place = tuple[tuple[float, ...], str]
"""What a list is ordered by: numbers first, then a text of `unique` or of ASCII that no other item has."""


def part(
    items: Iterable[T], place: Callable[[T], Place], *, cursor: str, limit: int, reverse: bool = False
) -> tuple[list[T], str | None]:
    """The first `limit` items behind the cursor ("" is the beginning), and the cursor of what is left, if anything is.

    Raises BadParameter for a cursor that no answer gave.
    """
    return part_of(in_places(items, place, reverse=reverse), cursor=cursor, limit=limit, reverse=reverse)


def in_places(items: Iterable[T], place: Callable[[T], Place], *, reverse: bool = False) -> Sequence[tuple[Place, T]]:
    """The items in their order, each with its place."""
    return sorted(((place(item), item) for item in items), key=operator.itemgetter(0), reverse=reverse)


def part_of(
    placed: Sequence[tuple[Place, T]], *, cursor: str, limit: int, reverse: bool = False
) -> tuple[list[T], str | None]:
    """As `part`, of what `in_places` gave: costs what is shown."""
    start = 0
    if cursor:
        after, is_past = _read(cursor), operator.lt if reverse else operator.gt
        start = bisect_left(range(len(placed)), True, key=lambda at: is_past(placed[at][0], after))
    found = placed[start : start + limit]
    return [item for _, item in found], _write(found[-1][0]) if len(placed) > start + limit else None


def unique(name: bytes) -> str:
    """Any bytes as text that sorts as they do."""
    return name.decode("latin-1")


def _write(place: Place) -> str:
    """The numbers, a comma between, and behind an underscore the text in hex: what a pattern can describe."""
    numbers, text = place
    return f"{','.join(map(repr, numbers))}_{text.encode('latin-1').hex()}"


def _read(cursor: str) -> Place:
    if not _CURSOR.fullmatch(cursor):
        raise _bad(cursor)
    numbers, _, text = cursor.partition("_")
    return tuple(map(_number, numbers.split(",") if numbers else ())), unique(bytes.fromhex(text))


def _number(text: str) -> float:
    """Whole numbers stay whole: IDs have more digits than a float."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _bad(cursor: str) -> BadParameter:
    return BadParameter("cursor", f"cursor is {cursor[:40]!r}; allowed: the `next` of the previous page.")
