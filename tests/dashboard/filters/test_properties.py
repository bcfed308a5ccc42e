"""Whatever the filter, whatever the entry."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.accounts.masking import Mask
from dashboard.filters import Filter, InvalidFilter, parse
from dashboard.filters.nodes import Node
from dashboard.streams.snapshots import Entry
from tests.dashboard.filters import oracle

PIECES = [
    *(
        "and",
        "or",
        "not",
        "has",
        "contains",
        "(",
        ")",
        "=",
        "!=",
        "<",
        ">=",
        "~",
        '"',
        "'",
        "\\",
        "a",
        "b.c",
        "[0]",
        ".",
    ),
    *("id", "time", "1", "-2h", "4.0", "x", '"q"', r"\x41", " ", "\n", "ä", "\ud800", "\x00", "order.items[0].sku"),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20), st.sampled_from(["", " "]))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_filter_or_its_error_has_a_place(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    found, place = read(text)
    if found is None:
        assert 0 <= place[0] <= place[1] <= len(text)
    else:
        assert parse(str(found)) == found


def read(text: str) -> tuple[Filter | None, tuple[int, int]]:
    """The filter, or where its error is."""
    try:
        return parse(text), (0, 0)
    except InvalidFilter as error:
        return None, error.place or (-1, -1)


@given(oracle.nodes)
@settings(max_examples=300, deadline=None)
def test_a_filter_that_is_written_is_read_as_the_same(node: Node) -> None:
    with contextlib.suppress(InvalidFilter):  # longer than a filter may be
        assert parse(str(node)).root == node


@given(oracle.nodes, oracle.entries, st.frozensets(st.sampled_from(oracle.NAMES[:3]), max_size=1))
@settings(max_examples=600, deadline=None)
def test_a_filter_keeps_what_it_means(node: Node, entry: Entry, masked: frozenset[bytes]) -> None:
    mask = Mask(tuple(name.decode() for name in masked))
    assert Filter(node).keeps(entry, mask) is (oracle.means(node, entry, masked) is True)


@given(oracle.nodes, oracle.entries)
@settings(max_examples=300, deadline=None)
def test_what_a_filter_keeps_lies_between_its_bounds(node: Node, entry: Entry) -> None:
    found = Filter(node)
    low, high = found.id_range
    assert low <= entry.id <= high or not found.keeps(entry, Mask())
