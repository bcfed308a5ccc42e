"""Text as runs that may be printed and marks for what may not."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Literal

from dashboard.streams.payloads.combining_marks import excess_marks, has_excess_marks

Piece = tuple[Literal["text", "byte"], str]
"""A run of plain text, or the visible form (``\\x00``, ``\\u202e``) of what must not be printed."""


def pieces(text: str) -> tuple[Piece, ...]:
    """Text as runs that may be printed and marks for what may not."""
    if text.isprintable() and not has_excess_marks(text):  # nearly always, and forty times as fast
        return (("text", text),) if text else ()
    found: list[Piece] = []
    kinds = ((is_plain(char) and not extra, extra) for char, extra in zip(text, excess_marks(text), strict=True))
    for (plain, extra), run in groupby(zip(kinds, text, strict=True), key=itemgetter(0)):
        chars = "".join(char for _, char in run)
        if plain:
            found.append(("text", chars))
        elif extra:
            found.append(("byte", _marks_summary(chars)))
        else:
            found.extend(("byte", escape(char)) for char in chars)
    return tuple(found)


def _marks_summary(marks: str) -> str:
    """The rest of a stack: each mark with how often it follows itself."""
    runs = [(mark, len(list(run))) for mark, run in groupby(marks)]
    return "".join(escape(mark) + (f"×{count}" if count > 1 else "") for mark, count in runs)


def is_plain(char: str) -> bool:
    """Printable: no control, no formatting character (bidi overrides, zero width, soft hyphen, tags), no odd space."""
    return char in "\n\t" or char.isprintable()


def escape(char: str) -> str:
    """``\\x00``, ``\\u202e``, ``\\U000e0041``; a surrogate that stands for an undecodable byte as that byte."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
