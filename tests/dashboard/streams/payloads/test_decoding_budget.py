"""Decoding is bounded by what values claim, by what is drawn of them, and by one budget for a whole page."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgpack
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from dashboard.streams.payloads import decoders, msgpack_walk
from dashboard.streams.payloads.budget import BUDGET_BYTES, USED_UP, DecodingBudget, decoding_budget
from dashboard.streams.payloads.decoders import TOO_LARGE
from dashboard.streams.payloads.limits import DECODE_BYTES
from dashboard.streams.payloads.msgpack_walk import ITEMS, judge
from dashboard.streams.payloads.show import show
from dashboard.streams.payloads.trees import PARSE_NODES, TREE_DEPTH, TREE_NODES

CLAIMS = (b"\xdd" + (5120).to_bytes(4, "big")) * 1000 + b"\xc0" * 120
"""Five kilobytes that claim a thousand arrays of 5,120 elements each, one within the other."""


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where each element begins that the walk looks at."""
    seen: list[int] = []
    element = msgpack_walk._element
    monkeypatch.setattr(msgpack_walk, "_element", lambda value, at: seen.append(at) or element(value, at))
    return seen


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is handed to the library."""
    seen: list[bytes] = []
    unpackb = msgpack.unpackb
    monkeypatch.setattr(decoders.msgpack, "unpackb", lambda value, **how: seen.append(value) or unpackb(value, **how))
    return seen


def test_claims_that_the_bytes_cannot_hold_are_not_believed(looked_at: list[int], unpacked: list[bytes]) -> None:
    shown = show(CLAIMS)
    assert (shown.kind, shown.decoded, shown.size) == ("bytes", "base64", len(CLAIMS))
    assert len(looked_at) == 1
    assert unpacked == []


@given(st.binary(max_size=4000), st.sampled_from([b"", b"\xdc\x03\xe8", b"\xde\x01\xf4", b"\x9f" * 60, b"\x91" * 80]))
def test_of_any_bytes_no_more_elements_are_looked_at_than_are_drawn(value: bytes, begin: bytes) -> None:
    calls = 0
    element = msgpack_walk._element

    def counted(value: bytes, at: int) -> tuple[int, int]:
        nonlocal calls
        calls += 1
        return element(value, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(msgpack_walk, "_element", counted)
        judge(begin + value)
    assert calls <= ITEMS + 1


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=300) | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20),
    max_leaves=60,
)


@given(json_like)
def test_what_a_library_packs_fits(document: Any) -> None:
    packed = msgpack.packb(document)
    assert judge(packed) == "fits"
    assert judge(packed[:-1]) == "broken"
    assert judge(packed + b"\xc0") == "broken"


@pytest.mark.parametrize(
    ("document", "decoded"),
    [
        ([0] * TREE_NODES, True),
        ({str(n): n for n in range(TREE_NODES)}, True),
        ([0] * (ITEMS + 1), False),
        ([[0] * 400] * 3, False),
    ],
    ids=["array", "map", "long array", "arrays"],
)
def test_what_would_not_be_drawn_is_not_unpacked_and_says_so(
    document: Any, decoded: bool, unpacked: list[bytes]
) -> None:
    shown = show(msgpack.packb(document))
    assert (shown.decoded, shown.note) == (("MessagePack, as JSON", "") if decoded else ("base64", TOO_LARGE))
    assert len(unpacked) == decoded


@pytest.mark.parametrize(("depth", "kind"), [(TREE_DEPTH, "json"), (TREE_DEPTH + 1, "bytes")])
def test_deep_messagepack_is_not_unpacked(depth: int, kind: str) -> None:
    assert show(b"\x91" * depth + b"\xc0").kind == kind


def test_json_that_claims_too_many_elements_is_text() -> None:
    fits, claims = (b"[" + b"0," * count + b"0]" for count in (PARSE_NODES - 1, PARSE_NODES))
    assert (show(fits).kind, show(claims).kind) == ("json", "text")


# one budget for all --------------------------------------------------------------------------------------------------


def test_all_values_of_a_page_share_one_budget() -> None:
    """Each of these unpacks to a megabyte: no more of them than the budget holds."""
    bomb = gzip.compress(b"x" * DECODE_BYTES)
    with decoding_budget(DecodingBudget(seconds=60)) as budget:
        shown = [show(bomb) for _ in range(12)]
    decoded = [each for each in shown if each.decoded == "gzip"]
    assert len(decoded) == BUDGET_BYTES // DECODE_BYTES
    assert {each.note for each in shown[len(decoded) :]} == {USED_UP}
    assert {each.kind for each in shown[len(decoded) :]} == {"bytes"}
    assert budget.bytes_left <= 0


def test_a_document_beyond_the_budget_is_shown_as_text_with_a_word() -> None:
    text = json.dumps({"a": "x" * 100}).encode()
    with decoding_budget(DecodingBudget(size=len(text))):
        first, second = show(text), show(text)
    assert (first.kind, first.note) == ("json", "")
    assert (second.kind, second.note, second.text) == ("text", USED_UP, text.decode())


def test_when_the_time_is_used_up_nothing_more_is_decoded() -> None:
    with decoding_budget(DecodingBudget(seconds=0)):
        assert (show(b"\x91\x01").kind, show(b"\x91\x01").note) == ("bytes", USED_UP)
        assert (show(b"plain").kind, show(b"plain").note) == ("text", "")


def test_a_value_on_its_own_has_a_budget_of_its_own() -> None:
    bomb = gzip.compress(b"x" * DECODE_BYTES)
    assert {show(bomb).decoded for _ in range(12)} == {"gzip"}


@pytest.mark.usefixtures("server")
def test_a_page_of_many_bombs_decodes_what_its_budget_holds(
    viewer: Client, redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecodingBudget.__init__, "__defaults__", (2 * DECODE_BYTES, 60.0))
    bomb = gzip.compress(b"x" * DECODE_BYTES)
    redis_client.xadd("bombs", {f"f{n}": bomb for n in range(4)}, id="1-0")
    html = viewer.get("/s/default/bombs/e/1-0/").content.decode()
    assert html.count("read as gzip") == 2
    assert html.count(USED_UP) == 2
