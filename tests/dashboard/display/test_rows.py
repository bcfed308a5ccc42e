"""Rows: the one place where bytes become values to look at, behind masks and the right to read payloads."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.accounts.masking import Mask
from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.config.masking import MaskRule
from dashboard.display.rows import (
    CELL,
    FIELDS,
    PREVIEW_FIELDS,
    Sight,
    dumps,
    entry_row,
    field_names,
    pending_row,
    sight,
    value_json,
    values_json,
)
from dashboard.streams import links
from dashboard.streams.ids import StreamId
from dashboard.streams.links import ServerConfig
from dashboard.streams.payloads.show import MASK
from dashboard.streams.snapshots import Entry, Fields, PendingEntry
from tests.conftest import Configure
from tests.people import id_of

OPEN = Sight(Mask(), may_read=True)
MASKED = Sight(Mask(("email", "card.*")), may_read=True)
BLIND = Sight(Mask(), may_read=False)
SECRET = b"vera@example.org"
PERSON: Fields = (
    (b"name", b"Vera"),
    (b"email", SECRET),
    (b"card", b'{"number":"4111 vera@example.org"}'),
    (b"card.number", SECRET),
    (b"email", SECRET + b" again"),
    (b"paid", b"yes"),
)
AT = StreamId(1763604718412, 3)


def entry(*fields: tuple[bytes, bytes], id_: StreamId = AT) -> Entry:
    return Entry(id_, fields)


def held(*fields: tuple[bytes, bytes]) -> PendingEntry:
    return PendingEntry(AT, b"w\xff", 90_000, 7, fields, "present")


# rows ----------------------------------------------------------------------------------------------------------------


def test_a_row_follows_the_columns_of_its_page() -> None:
    row = entry_row(entry((b"a", b"1"), (b"b", b"")), OPEN, (b"b", b"missing", b"a"))
    assert [cell and cell.text for cell in row.cells] == ["", None, "1"]
    assert (row.id, row.at_ms, row.size, row.field_count) == ("1763604718412-3", AT.ms, 3, 2)
    assert row.open_url == "?open=1763604718412-3"
    assert not row.is_open


def test_a_cell_of_a_repeated_field_is_its_first_value() -> None:
    row = entry_row(entry((b"a", b"1"), (b"a", b"2")), OPEN, (b"a",))
    assert [cell and cell.text for cell in row.cells] == ["1"]
    assert row.field_count == 2


def test_a_cell_is_short_and_has_no_tree() -> None:
    (cell,) = entry_row(entry((b"a", json.dumps(["x" * 1000]).encode())), OPEN, (b"a",)).cells
    assert cell is not None
    assert (len(cell.text), cell.truncated, cell.tree) == (CELL, True, None)


@pytest.mark.parametrize("form", ["tree", "raw"])
def test_an_open_row_has_everything_in_order(form: str) -> None:
    row = entry_row(entry((b"b", b"[1]"), (b"a", b"2"), (b"b", b"3")), OPEN, (), form=form)
    assert row.is_open
    assert row.detail is not None
    assert [(name, shown.text) for name, shown in row.detail] == [(b"b", "[1]"), (b"a", "2"), (b"b", "3")]
    assert row.detail[0][1].tree is not None
    assert row.dumps == ()


def test_an_open_row_may_be_a_dump() -> None:
    row = entry_row(entry((b"a", b"\x00hi")), OPEN, (), form="hex")
    assert row.detail is None
    assert [(d.name, d.size, d.masked) for d in row.dumps] == [(b"a", 3, False)]
    assert row.dumps[0].lines[0].endswith(".hi")


def test_a_thousand_fields_are_not_all_drawn() -> None:
    wide = entry(*((b"f%d" % n, b"x") for n in range(1000)))
    row = entry_row(wide, OPEN, (), form="tree")
    assert row.detail is not None
    assert (len(row.detail), row.field_count) == (FIELDS, 1000)
    assert len(dumps(wide.fields, OPEN)) == FIELDS
    preview = OPEN.preview(wide.fields)
    assert preview is not None
    assert len(preview) == PREVIEW_FIELDS


def test_a_pending_row_has_a_preview() -> None:
    row = pending_row(held((b"a", b"1")), OPEN)
    assert (row.id, row.at_ms, row.consumer, row.idle_ms, row.deliveries) == (str(AT), AT.ms, b"w\xff", 90_000, 7)
    assert row.fields is not None
    assert [(name, shown.text) for name, shown in row.fields] == [(b"a", "1")]
    assert row.body == "present"


def test_an_id_that_is_no_clocks_has_no_time() -> None:
    assert entry_row(entry(id_=StreamId(7, 1)), OPEN, ()).at_ms is None


def test_columns_are_the_fields_in_order_of_appearance() -> None:
    assert field_names([entry((b"b", b""), (b"a", b"")), entry((b"c", b""), (b"b", b""))]) == (b"b", b"a", b"c")


# policy --------------------------------------------------------------------------------------------------------------


def everything(seen: Sight) -> list[object]:
    """All that leaves this module about an entry."""
    columns = tuple(name for name, _ in PERSON)
    rows = [entry_row(entry(*PERSON), seen, columns, form=form) for form in ("", "tree", "raw", "hex")]
    return [*rows, pending_row(held(*PERSON), seen), seen.preview(PERSON), seen.full(PERSON), values_json(PERSON, seen)]


@pytest.mark.parametrize("seen", [MASKED, BLIND], ids=["masked", "without the right"])
def test_what_is_hidden_leaves_in_no_form(seen: Sight) -> None:
    said = repr(everything(seen))
    for form in (SECRET.decode(), "4111", base64.b64encode(SECRET).decode()[:12], SECRET.hex(" ")[:23]):
        assert form not in said
        assert form in repr([*everything(OPEN), base64.b64encode(SECRET), SECRET.hex(" ")])


def test_a_mask_hides_every_field_of_its_name_and_no_other() -> None:
    shown = MASKED.full(PERSON)
    assert shown is not None
    assert [(name, value.kind) for name, value in shown] == [
        (b"name", "text"),
        (b"email", "masked"),
        (b"card", "masked"),
        (b"card.number", "masked"),
        (b"email", "masked"),
        (b"paid", "text"),
    ]


def test_the_size_of_a_masked_value_is_not_told() -> None:
    short, long = (MASKED.full(((b"email", b"x" * size),)) for size in (1, 5000))
    assert short == long
    assert dumps(((b"email", b"x"),), MASKED) == dumps(((b"email", b"x" * 5000),), MASKED)
    rows = [entry_row(entry((b"email", b"x" * size), (b"paid", b"yes")), MASKED, ()) for size in (1, 5000)]
    assert [row.size for row in rows] == [12, 12], "the names and what is not masked"


def test_without_the_right_numbers_are_still_shown() -> None:
    row = entry_row(entry(*PERSON), BLIND, (b"name",), form="tree")
    assert (row.cells, row.detail, row.dumps, row.may_read) == ((), None, (), False)
    assert (row.size, row.field_count) == (entry(*PERSON).size, 6)
    assert pending_row(held(*PERSON), BLIND).fields is None
    assert values_json(PERSON, BLIND) is None


@pytest.fixture
def iot() -> Iterator[None]:
    links.configure([ServerConfig("iot", "redis://127.0.0.1:1")])
    yield
    links.configure([])


@pytest.mark.usefixtures("iot")
def test_sight_is_what_access_says(configure: Configure) -> None:
    configure(mask_rules=(MaskRule("user:*", ("email",)),))
    vera = Principal("vera", id_of("vera"), (Grant("viewer", "iot", ("user:*",)),))
    assert sight(vera, "iot", b"user:1") == Sight(Mask(("email",)), may_read=True)
    assert sight(vera, "iot", b"other") == Sight(Mask(), may_read=False)
    assert sight(vera, "elsewhere", b"user:1") == Sight(Mask(("email",)), may_read=False)


# JSON ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", ""),
        ("ä\x00\u202e".encode(), "ä\x00\u202e"),
        (b"\xff\x00", {"base64": "/wA="}),
        (b"x" * 11, {"text": "x" * 10, "bytes": 11}),
        ("xxxxxxxxx€".encode(), {"text": "xxxxxxxxx", "bytes": 12}),
        (b"\xff" * 12, {"base64": base64.b64encode(b"\xff" * 10).decode(), "bytes": 12}),
    ],
)
def test_a_value_in_json_is_as_the_contract_says(value: bytes, said: object) -> None:
    assert value_json(value, limit=10) == said


@given(st.binary(max_size=40))
def test_an_uncut_value_comes_back_from_json(value: bytes) -> None:
    said = json.loads(json.dumps(value_json(value)))
    assert (said.encode() if isinstance(said, str) else base64.b64decode(said["base64"])) == value


@given(st.binary(max_size=80), st.integers(1, 40))
def test_a_cut_value_is_the_beginning(value: bytes, limit: int) -> None:
    said = value_json(value, limit)
    if isinstance(said, dict) and "bytes" in said:
        start = said["text"].encode() if "text" in said else base64.b64decode(said["base64"])
        assert value.startswith(start)
        assert limit - 3 <= len(start) <= limit
        assert said["bytes"] == len(value) > limit


def test_fields_in_json_are_pairs_in_order() -> None:
    assert values_json(((b"b", b"1"), (b"\xff", b"2"), (b"email", b"x"), (b"b", b"3")), MASKED) == [
        ["b", "1"],
        [{"base64": "/w=="}, "2"],
        ["email", MASK],
        ["b", "3"],
    ]
