"""Bytes to something a person can look at: recognised by content, decoded, cut, masked. Never fails.

Payloads are hostile: what is not plainly printable is kept apart as a `byte` piece, so that no control, bidi or
zero-width character reaches a page as itself.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

from dashboard.streams.payloads.budget import USED_UP, DecodingBudget, current
from dashboard.streams.payloads.limits import DECODE_BYTES, PREVIEW_BYTES, PREVIEW_TIMES, SHOW_BYTES
from dashboard.streams.payloads.pieces import Piece, pieces
from dashboard.streams.payloads.recognise import recognise
from dashboard.streams.payloads.trees import Node, document, may_be_document

Kind = Literal["text", "json", "bytes", "masked"]
MASK = "••••••"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value made visible. `text` is a plain short form of `pieces`; `decoded` says how it was read, "" for as it is.

    `size` is the full length in bytes; `truncated` that not all of it is in `pieces`; `note` why it was not decoded.
    """

    kind: Kind
    pieces: tuple[Piece, ...]
    size: int
    truncated: bool = False
    decoded: str = ""
    tree: Node | None = None
    note: str = ""

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.pieces)


MASKED = Shown("masked", (("text", MASK),), 0)
"""What stands for a value that policy hides. Its size is not shown either."""


def show(value: bytes, *, limit: int = SHOW_BYTES, tree: bool = True) -> Shown:
    """`value` for a page: text, decoded JSON (with its tree when `tree`), or base64 when it is neither."""
    budget = current()
    room = DECODE_BYTES if tree else max(PREVIEW_BYTES, PREVIEW_TIMES * len(value))
    found = recognise(value, min(room, DECODE_BYTES), budget)
    if found.text is None:
        return _raw(value, limit, found.note)
    node, note = _tree(found.text, budget) if tree else (None, "")
    kind: Kind = "json" if node or found.how.endswith("JSON") else "text"
    cut = len(found.text) > limit
    return Shown(kind, pieces(found.text[:limit]), len(value), cut, found.how, node, found.note or note)


def _raw(value: bytes, limit: int, note: str) -> Shown:
    cut = base64.b64encode(value[:limit]).decode()
    return Shown("bytes", (("text", cut),), len(value), len(value) > limit, "base64", note=note)


def _tree(text: str, budget: DecodingBudget) -> tuple[Node | None, str]:
    if not may_be_document(text):
        return None, ""
    if not budget.allows(len(text)):
        return None, USED_UP
    with budget.spend(len(text)):
        return document(text), ""
