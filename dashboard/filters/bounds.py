"""Between which IDs everything lies that a filter can keep: nothing else needs to be read."""

from __future__ import annotations

from dashboard.filters.nodes import And, IdBound, Node, Or, TimeBound
from dashboard.streams.ids import MAX, MIN, TOP, StreamId

Range = tuple[StreamId, StreamId]
"""First and last, inclusive; nothing lies in it when the first is above the last."""
EVERYTHING: Range = (MIN, MAX)
NOTHING: Range = (MAX, MIN)


def id_range(node: Node) -> Range:
    """A range that has them all, not always the narrowest."""
    if isinstance(node, IdBound):
        return _id(node)
    if isinstance(node, TimeBound):
        return _time(node)
    if isinstance(node, And):
        ranges = [id_range(part) for part in node.parts]
        return max(low for low, _ in ranges), min(high for _, high in ranges)
    if isinstance(node, Or):
        ranges = [found for part in node.parts if (found := id_range(part))[0] <= found[1]]
        return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else NOTHING
    return EVERYTHING


def _id(node: IdBound) -> Range:
    ranges = {
        "=": (node.id, node.id),
        "!=": EVERYTHING,
        "<": (MIN, node.id.prev()) if node.id > MIN else NOTHING,
        "<=": (MIN, node.id),
        ">": (node.id.next(), MAX) if node.id < MAX else NOTHING,
        ">=": (node.id, MAX),
    }
    return ranges[node.sign]


def _time(node: TimeBound) -> Range:
    low, high = StreamId(min(node.ms, TOP), 0), StreamId(min(node.ms, TOP), TOP)
    return (MIN, high) if node.sign in ("<", "<=") else (low, MAX)
