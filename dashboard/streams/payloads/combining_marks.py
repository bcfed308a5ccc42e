"""Stacks of combining marks: a letter bears a few, and a hundred are drawn over the lines above and below it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

STACK = 4
"""Marks one letter may bear: no language that is written needs more."""
_MARKS = ("Mn", "Me")


def too_many(text: str) -> Iterator[bool]:
    """For each character whether it is a mark above STACK of them on one letter."""
    if text.isascii():
        return (False for _ in text)
    return _counted(text)


def _counted(text: str) -> Iterator[bool]:
    height = 0
    for char in text:
        height = height + 1 if unicodedata.category(char) in _MARKS else 0
        yield height > STACK


def is_stacked(text: str) -> bool:
    """Whether any is."""
    return not text.isascii() and any(too_many(text))
