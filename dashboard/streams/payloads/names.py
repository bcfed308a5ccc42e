"""Names of keys, groups, consumers and fields as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from dashboard.streams.payloads.pieces import Piece, escape, pieces

_UNSEEN = frozenset("\n\t\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
}
"""Printable by their category, and yet not to be seen: fillers, joiners, variation selectors, the blank of Braille.

Source: Default_Ignorable_Code_Point in DerivedCoreProperties.txt of Unicode, without what is not printable anyway.
"""


def name_pieces(name: bytes) -> tuple[Piece, ...]:
    """A key, group, consumer or field name: UTF-8 where it is, every other byte marked.

    Line breaks are marked too, and what leaves no trace: no two names look the same for a character nobody sees.
    """
    text = name.decode("utf-8", "surrogateescape")
    return tuple(
        ("byte", escape(part)) if kind == "text" and part in _UNSEEN else (kind, part)
        for kind, run in pieces(text)
        for part in (_breaks(run) if kind == "text" else [run])
    )


def _breaks(text: str) -> Iterator[str]:
    for breaking, run in groupby(text, key=_UNSEEN.__contains__):
        if breaking:
            yield from run
        else:
            yield "".join(run)
