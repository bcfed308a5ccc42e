"""Filters and entries for property tests, and what a filter means, written down as plainly as can be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from hypothesis import strategies as st

from dashboard.filters.nodes import And, Condition, Field, Has, IdBound, Node, Not, Or, Sign, TimeBound, joined
from dashboard.filters.numbers import number
from dashboard.streams.ids import TOP, StreamId
from dashboard.streams.snapshots import Entry

NAMES = [b"a", b"b", b"order", b"my field", b"not", b"id", b"a.b", b"\xff\x00", "ä".encode(), b'q"\\', b""]
KEYS = ["a", "b", "sku", "first name", "not", 'q"', "ä", "\ud800", ""]
VALUES = [b"", b"4", b"4.0", b"007", b"-2e3", b"x", b"X and y", b"(", b"true", b"\xff", b'a"b\\', b"\n", b"9" * 50]
SIGNS: list[Sign] = ["=", "!=", "~", "<", "<=", ">", ">="]

ids = st.builds(StreamId, st.sampled_from([0, 7, 1_763_596_680_412, TOP]), st.sampled_from([0, 1, TOP]))
names = st.sampled_from(NAMES) | st.binary(max_size=4)
values = st.sampled_from(VALUES) | st.binary(max_size=6)
steps = st.sampled_from(KEYS) | st.text(max_size=3) | st.integers(0, 3)
fields = st.builds(Field, names, st.lists(steps, max_size=3).map(tuple))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Numbers as they are read: bare."""
    found = draw(st.sampled_from([b"4", b"4.0", b"-2e3", b"12345678901234567890"]) | st.none())
    sign = draw(st.sampled_from(SIGNS))
    if found is None or sign == "~":
        return Condition(draw(fields), sign, draw(values))
    return Condition(draw(fields), sign, found, number(found))


terms = (
    conditions()
    | st.builds(Has, fields)
    | st.builds(IdBound, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), ids)
    | st.builds(TimeBound, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from([0, 7, 1_763_596_680_412, 10**13]))
)
nodes: st.SearchStrategy[Node] = st.recursive(
    terms,
    lambda below: (
        st.builds(Not, below) | st.builds(joined, st.sampled_from([And, Or]), st.lists(below, min_size=2, max_size=3))
    ),
    max_leaves=8,
)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, width=32)
    | st.sampled_from(["x", "4", ""]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(KEYS[:4]), below, max_size=3),
    max_leaves=8,
)
payloads = values | documents.map(lambda found: json.dumps(found).encode())
entries = st.builds(Entry, ids, st.lists(st.tuples(names, payloads), max_size=4).map(tuple))


def means(node: Node, entry: Entry, masked: frozenset[bytes]) -> bool | None:
    """True, False, or None where there is no answer."""
    if isinstance(node, Not):
        inner = means(node.part, entry, masked)
        return None if inner is None else not inner
    if isinstance(node, (And, Or)):
        found = [means(part, entry, masked) for part in node.parts]
        decides = isinstance(node, Or)
        return decides if decides in found else None if None in found else not decides
    if isinstance(node, IdBound):
        return _ordered(entry.id, node.sign, node.id)
    if isinstance(node, TimeBound):
        return _ordered(entry.id.ms, node.sign, node.ms) if 10**12 <= entry.id.ms < 10**13 else None
    if node.field.name in masked:
        return None
    targets = list(_targets(node.field, entry))
    if isinstance(node, Has) or not targets:
        return bool(targets)
    return _compare(node, [text for target in targets for text in _texts(target)])


def _ordered(left: Any, sign: str, right: Any) -> bool:
    low, same = bool(left < right), bool(left == right)
    return {"=": same, "!=": not same, "<": low, "<=": low or same, ">": not low and not same, ">=": not low}[sign]


def _targets(field: Field, entry: Entry) -> Iterator[Any]:
    for name, value in entry.fields:
        if name == field.name and not field.path:
            yield value
        elif name == field.name:
            yield from _walk(_document(value), list(field.path))


def _document(value: bytes) -> Any:
    """Numbers keep their text, as a mapping of its own."""
    try:
        return json.loads(value.decode(), parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except ValueError:
        return None


class _Number(str):
    __slots__ = ()


def _walk(found: Any, path: list[str | int]) -> Iterator[Any]:
    if not path:
        yield found
    elif isinstance(path[0], int) and isinstance(found, list):
        if path[0] < len(found):
            yield from _walk(found[path[0]], path[1:])
    elif isinstance(path[0], str) and isinstance(found, list):
        for each in found:
            if isinstance(each, dict):
                yield from _walk(each, path)
    elif isinstance(path[0], str) and isinstance(found, dict) and path[0] in found:
        yield from _walk(found[path[0]], path[1:])


def _texts(target: Any) -> list[bytes]:
    if isinstance(target, bytes):
        return [target]
    if isinstance(target, dict):
        return []
    scalars = [each for each in (target if isinstance(target, list) else [target]) if not isinstance(each, list | dict)]
    words = {True: "true", False: "false", None: "null"}
    return [(each if isinstance(each, str) else words[each]).encode("utf-8", "surrogatepass") for each in scalars]


def _compare(node: Condition, found: list[bytes]) -> bool:
    if node.sign == "~":
        return any(node.value.lower() in text.lower() for text in found)
    if node.sign == "!=":
        return not any(_equal(node, text) for text in found)
    if node.sign == "=":
        return any(_equal(node, text) for text in found)
    if node.number is None:
        return any(_ordered(text, node.sign, node.value) for text in found)
    return any((n := _decimal(text)) is not None and _ordered(n, node.sign, node.number) for text in found)


def _equal(node: Condition, text: bytes) -> bool:
    return text == node.value if node.number is None else _decimal(text) == node.number


def _decimal(text: bytes) -> Decimal | None:
    """What `Decimal` takes, but for what only it calls a number, and for very long ones."""
    try:
        found = Decimal(text.decode("ascii").strip())
    except (InvalidOperation, ValueError):
        return None
    return found if number(text) is not None and found.is_finite() else None
