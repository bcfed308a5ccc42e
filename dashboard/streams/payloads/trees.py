"""A JSON document as a tree to draw: as written, repeated keys kept, and bounded in nodes, depth and characters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from dashboard.streams.payloads.combining_marks import excess_marks, has_excess_marks

PARSE_CHARS = 2**20
"""The longest text that is parsed."""
PARSE_NODES = 100_000
"""How many elements a document may claim by its commas and brackets, so that it is parsed."""
TREE_NODES = 500
"""How many nodes of a document are drawn."""
TREE_DEPTH = 64
"""How many levels of it; deeper ones are counted as left out."""
TREE_CHARS = 16_384
"""How many characters its names and values may have in all. One that cannot be printed counts as its mark: MARK."""
NODE_CHARS = 4096
"""How many one of them may have."""
MARK = 30


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a decoded document. `name`: key or index, "" at the root. `cut`: children left out."""

    name: str
    kind: Literal["object", "array", "str", "lit"]
    text: str = ""
    children: tuple[Node, ...] = ()
    cut: int = 0


class _Literal(str):
    """A number as it was written: 2295.00 stays 2295.00, and no 64-bit ID is rounded."""

    __slots__ = ()


class JsonObject(list[Any]):
    """An object's members as pairs: repeated keys stay."""


def may_be_document(text: str) -> bool:
    """Whether it begins as an object or array, and claims no more elements than are worth parsing."""
    if text.lstrip()[:1] not in ("{", "[") or len(text) > PARSE_CHARS:
        return False
    return text.count(",") + text.count("[") + text.count("{") <= PARSE_NODES


def parsed(text: str) -> Any:
    """The JSON object or array, or None."""
    if not may_be_document(text):
        return None
    try:
        return json.loads(
            text, parse_int=_Literal, parse_float=_Literal, parse_constant=_Literal, object_pairs_hook=JsonObject
        )
    except (ValueError, RecursionError):
        return None


def document(text: str) -> Node | None:
    """The tree of a JSON object or array; None for anything else."""
    value = parsed(text)
    return None if value is None else _node("", value, _Budget(), 0)


class _Budget:
    """What may still be drawn of one document."""

    def __init__(self) -> None:
        self.nodes, self.chars = TREE_NODES, TREE_CHARS

    def afford(self, level: int) -> bool:
        """Take one node of a level, if there is one left."""
        if level > TREE_DEPTH or self.nodes == 0 or self.chars <= 0:
            return False
        self.nodes -= 1
        return True

    def cut(self, text: str) -> str:
        """Take the characters of a name or a value, as many as are left."""
        shown = text[:NODE_CHARS]
        if weight(shown) > self.chars:
            shown = shown[: max(0, self.chars) // MARK]
        self.chars -= weight(shown) + 1
        return shown if len(shown) == len(text) else f"{shown}…"


def weight(text: str) -> int:
    """Characters that are drawn for a text."""
    if text.isprintable() and not has_excess_marks(text):
        return len(text)
    marks = zip(text, excess_marks(text), strict=True)
    return sum(1 if char.isprintable() and not extra else MARK for char, extra in marks)


def _node(name: str, value: Any, budget: _Budget, level: int) -> Node:
    if isinstance(value, JsonObject):
        return _branch(name, "object", value[: budget.nodes], len(value), budget, level)
    if isinstance(value, list):
        members = [(str(i), item) for i, item in enumerate(value[: budget.nodes])]
        return _branch(name, "array", members, len(value), budget, level)
    if isinstance(value, _Literal):
        return Node(name, "lit", budget.cut(value))
    if isinstance(value, str):
        return Node(name, "str", budget.cut(value))
    return Node(name, "lit", {True: "true", False: "false", None: "null"}[value])


def _branch(
    name: str, kind: Literal["object", "array"], members: list[tuple[str, Any]], count: int, budget: _Budget, level: int
) -> Node:
    """`members`: as many of the `count` there are as may be drawn at most."""
    children = []
    for key, item in members:
        if not budget.afford(level + 1):
            break
        children.append(_node(budget.cut(key), item, budget, level + 1))
    return Node(name, kind, str(count), tuple(children), cut=count - len(children))
