"""The structure of a MessagePack document, walked before anything is built of it.

Decoders reserve memory for as many elements as an array or map claims to have, before a single one is read: a few
kilobytes of nested claims cost seconds. So the claims are compared with the bytes that are left, and with what a page
draws. Source: the format table of the MessagePack specification.
"""

from __future__ import annotations

from typing import Literal

from dashboard.streams.payloads.trees import TREE_DEPTH, TREE_NODES

Verdict = Literal["fits", "too large", "broken"]
ITEMS = 2 * TREE_NODES
"""Elements in all, keys and values of maps counted each: a pair is drawn as one node."""

_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8} | {
    **dict(zip(range(0xCC, 0xD0), (1, 2, 4, 8), strict=True)),
    **dict(zip(range(0xD0, 0xD4), (1, 2, 4, 8), strict=True)),
    **dict(zip(range(0xD4, 0xD9), (2, 3, 5, 9, 17), strict=True)),
}
"""Bytes behind the first one: nil, booleans, numbers, extensions of a fixed size."""
_SIZED = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1)} | {
    0xD9: (1, 0),
    0xDA: (2, 0),
    0xDB: (4, 0),
}
"""Bytes of the length of a binary, an extension or a text, and bytes beside the content."""
_CONTAINERS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Bytes of the count of an array or a map, and elements per count."""


def judge(value: bytes, items: int = ITEMS, depth: int = TREE_DEPTH) -> Verdict:
    """Looks at no more than `items` elements. "too large": more of them, or deeper, and so far no contradiction."""
    at, seen, left = 0, 1, [1]
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        at, children = _element(value, at)
        if at > len(value) or children > len(value) - at:
            return "broken"
        seen += children
        if seen > items + 1 or (children and len(left) > depth):
            return "too large"
        if children:
            left.append(children)
    return "fits" if at == len(value) else "broken"


def _element(value: bytes, at: int) -> tuple[int, int]:
    """Where the element at `at` ends, or its first child begins, and how many children it claims."""
    beyond = len(value) + 1
    if at >= len(value):
        return beyond, 0
    lead = value[at]
    if lead <= 0x7F or lead >= 0xE0:
        return at + 1, 0
    if lead <= 0x9F:
        return at + 1, (lead & 0x0F) * (2 if lead <= 0x8F else 1)
    if lead <= 0xBF:
        return at + 1 + (lead & 0x1F), 0
    if lead in _CONTAINERS:
        width, each = _CONTAINERS[lead]
        return at + 1 + width, each * _number(value, at + 1, width)
    if lead in _SIZED:
        width, beside = _SIZED[lead]
        return at + 1 + width + beside + _number(value, at + 1, width), 0
    return (at + 1 + _FIXED[lead], 0) if lead in _FIXED else (beyond, 0)


def _number(value: bytes, at: int, width: int) -> int:
    return int.from_bytes(value[at : at + width])
