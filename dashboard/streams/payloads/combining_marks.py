"""Stacks of combining marks: a letter bears a few, and a hundred are drawn over the lines above and below it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

MAX_MARKS = 4
"""Marks one letter may bear: no language that is written needs more."""
_MARKS = ("Mn", "Me")


def excess_marks(text: str) -> Iterator[bool]:
    """For each character whether it is a mark above MAX_MARKS of them on one letter."""
    if text.isascii():
        return (False for _ in text)
    return _counted(text)


def _counted(text: str) -> Iterator[bool]:
    height = 0
    for char in text:
        height = height + 1 if unicodedata.category(char) in _MARKS else 0
        yield height > MAX_MARKS


def has_excess_marks(text: str) -> bool:
    """Whether any is."""
    return not text.isascii() and any(excess_marks(text))
