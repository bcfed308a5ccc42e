"""Long names are cut in the middle: what tells `tenant:8f14…:webhooks:v2` from its neighbours stands at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.streams.payloads.pieces import Piece

LONG = 32  # characters from which a name may need a cut
TAIL = 8


@dataclass(frozen=True, slots=True)
class NameParts:
    """`head` may be cut by the page where room is short, `tail` always shows."""

    head: tuple[Piece, ...]
    tail: tuple[Piece, ...] = ()


def name_parts(pieces: Sequence[Piece]) -> NameParts:
    """The pieces of a name, the last characters of a long one apart."""
    kind, last = pieces[-1] if pieces else ("text", "")
    if kind != "text" or len(last) <= TAIL or sum(len(text) for _, text in pieces) < LONG:
        return NameParts(tuple(pieces))
    return NameParts((*pieces[:-1], ("text", last[:-TAIL])), (("text", last[-TAIL:]),))
