"""`field = value`: what a filter keeps, and that it tells nothing of what is masked."""

from __future__ import annotations

import pytest

from dashboard.accounts.masking import Mask
from dashboard.filters.where import parse
from dashboard.http.params import BadParameter
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry

FIELDS = (b"state", b"new"), (b"tag", b"a"), (b"tag", b"b=c"), (b"note", b""), (b"raw", b"\xff")
NUMBERS = (
    (b"count", b"4"),
    (b"count", b"many"),
    (b"price", b"19.90"),
    (b"small", b"-2e-3"),
    (b"long", b"9007199254740993"),
)
HOSTILE = (b"huge", b"9" * 1_000_000), (b"power", b"1e999999999"), (b"nan", b"nan"), (b"arabic", "٤".encode())
ENTRY = Entry(StreamId(1, 1), (*FIELDS, *NUMBERS, *HOSTILE))


@pytest.mark.parametrize(
    "text",
    [
        *("state = new", "state=new", "  state\n=  new ", "state != old", "state ~ EW"),
        *("tag = a", "tag = b=c", "tag != c", "note =", "note ~", "raw ~", "raw != new"),
        *("count > 3", "count >= 4", "count<=4.0", "count < 1e2", "price > 19.8"),
        *("small < 0", "small > -1", "long > 9007199254740992", "tag = b=c", "note !=x<y"),
    ],
)
def test_keeps(text: str) -> None:
    assert parse(text).keeps(ENTRY, Mask())


@pytest.mark.parametrize(
    "text",
    [
        *("state = New", "state != new", "state ~ old", "tag != a", "nothing = new", "nothing != new", "nothing ~"),
        *("count > 4", "count < 4", "price >= 20", "state > 1", "note < 1", "nothing > 0", "raw > 0"),
        *("long > 9007199254740993", "huge > 1", "power > 1", "nan > 0", "nan < 0", "arabic > 0"),
    ],
)
def test_leaves_out(text: str) -> None:
    assert not parse(text).keeps(ENTRY, Mask())


@pytest.mark.parametrize("text", ["state = new", "state != old", "state ~ n", "state < 1", "state >= 0"])
def test_a_masked_field_never_matches(text: str) -> None:
    assert not parse(text).keeps(ENTRY, Mask(("st*",)))


@pytest.mark.parametrize("text", ["", "state", "= new", "~", "!= x", "   "])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(BadParameter, match="like status = failed"):
        parse(text)


@pytest.mark.parametrize("text", ["count > many", "count <", "count >= 1_000", "count < nan", "count > " + "9" * 41])
def test_only_numbers_are_more_or_less(text: str) -> None:
    with pytest.raises(BadParameter, match=r"[<>]=? compares numbers, like quantity [<>]=? 4\."):
        parse(text)


def test_text_that_is_no_unicode_matches_nothing() -> None:
    assert not parse("state = \ud800").keeps(ENTRY, Mask())
