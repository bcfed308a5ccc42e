"""What a filter keeps, and that it tells nothing of what is masked."""

from __future__ import annotations

import json

import pytest

from dashboard.accounts.masking import Mask
from dashboard.filters import parse
from dashboard.filters.limits import VALUES
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


ORDER = (
    b'{"items": [{"sku": "A-1", "n": 2}, {"sku": "B-2"}], "total": 12.50, "paid": true, "by": null, "tags": ["x", "y"]}'
)
TEXTS = (b"status", b"failed"), (b"code", b"007"), (b"day", b"2024-05-01"), (b"order", ORDER), (b"a.b", b"dotted")
ODD = (b"id", b"17"), (b"not", b"yes"), (b"my field", b"1"), (b"big", b'{"k": "' + b"x" * 40_000 + b'"}')
MORE = Entry(StreamId(1_763_596_680_412, 3), (*TEXTS, *ODD))


@pytest.mark.parametrize(
    "text",
    [
        # and, or, not and parentheses: or binds least, not most
        *(
            "status = failed and code = 7",
            "status = paid or code = 7",
            "not status = paid",
            "NOT status = paid AND has day",
        ),
        *("status = failed or code = 1 and code = 2", "not (status = paid or code = 8)", "not not status = failed"),
        *("not status = paid and not status = new", "(status = paid or status = failed) and (code = 7)"),
        # numbers by value, texts in quotes as they are
        *("code = 7", "code = 7.0", 'code = "007"', 'not code = "7"', "code != 8", "code >= 7", 'day > "2024-04-30"'),
        *("status contains AIL", "status CONTAINS 'ail'", "status = 'failed'", r'status = "fa\x69led"'),
        # fields that are there
        *(
            "has status",
            "has order.items",
            "has order.by",
            "not has nothing",
            "not has order.items[2]",
            'has "my field"',
        ),
        # paths
        *("order.items[0].sku = A-1", "order.items[1].sku = B-2", "order.items.sku = B-2", "order.items.n > 1"),
        *("order.total = 12.5", "order.total < 13", "order.paid = true", "order.by = null", "order.tags = y"),
        *("order.tags contains X", "order.total != 12", "order.items != x", 'order."total" = 12.5', "a.b = dotted"),
        # what is missing is neither equal nor different, and not equal when negated
        *("not nothing = 1", "not order.nothing = 1", "not nothing != 1"),
        # names that are words of the language
        *('"id" = 17', "not = yes", '"not" = yes', '"my field" = 1'),
        # the entry's own ID and time
        *("id = 1763596680412-3", "id >= 1763596680412", "id <= 1763596680412", "id > 1763596680412-2", "id != 5-5"),
        *("time >= 2025-11-19T00:00:00Z", "time < 2025-11-21T00:00:00Z", "time >= 1763596680412", "id < 1763596680413"),
    ],
)
def test_the_grammar_keeps(text: str) -> None:
    assert parse(text).keeps(MORE, Mask())


@pytest.mark.parametrize(
    "text",
    [
        *("status = failed and code = 8", "not (status = failed)", "status = paid or code = 8", "not has status"),
        *('code = "7"', "code > 7", 'day > "2024-05-01"', "status = FAILED", "has nothing", "has order.items[2]"),
        *(
            "order.items[1].n = 2",
            "order.items = x",
            "order.items[0] contains sku",
            "order.total = 12.4",
            "order.tags != x",
        ),
        *("nothing != 1", "order.nothing != 1", "status.x = failed", "status[0] = f", '"a.b.c" = dotted', "has a.c"),
        *("id = 1763596680412-4", "id > 1763596680412", "id < 1763596680412", "time < 2025-11-19T00:00:00Z"),
        # what cannot be looked into has no answer either way
        *("big.k contains x", "not big.k contains nothing", "not has big.x"),
    ],
)
def test_the_grammar_leaves_out(text: str) -> None:
    assert not parse(text).keeps(MORE, Mask())


@pytest.mark.parametrize(
    "text", ["order.total = 1", "has order", "has order.items", "order.items.sku != 3", 'order > "a"']
)
def test_what_is_masked_has_no_answer_whichever_way_it_is_asked(text: str) -> None:
    for masked in (("order",), ("order.items",), ("ord*",)):
        assert not parse(text).keeps(MORE, Mask(masked))
        assert not parse(f"not ({text})").keeps(MORE, Mask(masked))
        assert parse(f"({text}) or status = failed").keeps(MORE, Mask(masked))
        assert not parse(f"not ({text}) and status = failed").keeps(MORE, Mask(masked))


@pytest.mark.parametrize("text", ["order.items[0].sku = A-1", "order.items.sku = A-1", 'order."items".sku = A-1'])
def test_a_place_in_a_document_can_be_masked_by_its_name(text: str) -> None:
    for masked in ("order.items.sku", "*.sku", "*.items.*"):
        assert not parse(text).keeps(MORE, Mask((masked,)))
        assert not parse(f"not {text}").keeps(MORE, Mask((masked,)))
    assert parse(text).keeps(MORE, Mask(("*.total",)))


def test_an_id_that_is_no_time_is_neither_before_nor_after() -> None:
    counter = Entry(StreamId(7, 0), ())
    for text in ("time >= 0", "time < 2024-01-01", "not time >= 0", "not time < 2024-01-01"):
        assert not parse(text).keeps(counter, Mask())
    assert parse("id < 8").keeps(counter, Mask())


def test_a_document_is_read_once_for_all_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr("dashboard.filters.evaluation.parsed", lambda text: read.append(text))
    assert not parse("order.a = 1 or order.b = 2 or not has order.c and order.d = 3").keeps(MORE, Mask())
    assert len(read) == 1


def many(count: int) -> Entry:
    """Digits, as many as that, and one more beside them."""
    document = {"a": [n % 10 for n in range(count)], "b": 5}
    return Entry(StreamId(1, 1), ((b"v", json.dumps(document, separators=(",", ":")).encode()),))


@pytest.mark.parametrize("text", ["v.a = 9", "v.a != -1", "has v.a", "v.a = 1 and v.a = 2", "v.b = 5"])
def test_so_many_values_are_compared(text: str) -> None:
    assert parse(text).keeps(many(5_000), Mask())


@pytest.mark.parametrize("text", ["v.a = 1", "not v.a = 1", "v.a != -1", "v.a = 1 and v.a = 2", "v.a ~ 1"])
def test_where_there_are_more_there_is_no_answer(text: str) -> None:
    assert not parse(text).keeps(many(VALUES + 1), Mask())
    assert parse(f"v.b = 5 or {text}").keeps(many(VALUES + 1), Mask()), "other conditions have theirs"


def test_conditions_share_what_may_be_compared() -> None:
    """Each alone has an answer; the third one has none any more."""
    alone, together = "v.a = 7", "v.a = 1 and v.a = 2 and v.a = 7"
    assert parse(alone).keeps(many(4_000), Mask())
    assert not parse(together).keeps(many(4_000), Mask())
