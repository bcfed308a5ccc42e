"""`field = value`: what a filter keeps, and that it tells nothing of what is masked."""

from __future__ import annotations

import pytest

from dashboard.access import Mask
from dashboard.params import BadParameter
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry
from dashboard.where import parse

ENTRY = Entry(StreamId(1, 1), ((b"state", b"new"), (b"tag", b"a"), (b"tag", b"b=c"), (b"note", b""), (b"raw", b"\xff")))


@pytest.mark.parametrize(
    "text",
    [
        *("state = new", "state=new", "  state\n=  new ", "state != old", "state ~ EW"),
        *("tag = a", "tag = b=c", "tag != c", "note =", "note ~", "raw ~", "raw != new"),
    ],
)
def test_keeps(text: str) -> None:
    assert parse(text).keeps(ENTRY, Mask())


@pytest.mark.parametrize(
    "text", ["state = New", "state != new", "state ~ old", "tag != a", "nothing = new", "nothing != new", "nothing ~"]
)
def test_leaves_out(text: str) -> None:
    assert not parse(text).keeps(ENTRY, Mask())


@pytest.mark.parametrize("text", ["state = new", "state != old", "state ~ n"])
def test_a_masked_field_never_matches(text: str) -> None:
    assert not parse(text).keeps(ENTRY, Mask(("st*",)))


@pytest.mark.parametrize("text", ["", "state", "= new", "~", "!= x", "   "])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(BadParameter, match="field = value"):
        parse(text)


def test_text_that_is_no_unicode_matches_nothing() -> None:
    assert not parse("state = \ud800").keeps(ENTRY, Mask())
