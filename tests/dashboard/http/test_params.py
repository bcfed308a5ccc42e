"""Query parameters: what is allowed comes through, all else is one sentence, and never another error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from dashboard.http import params
from dashboard.http.params import BadParameter
from dashboard.streams.ids import TOP, StreamId


def query(value: str | None, name: str = "p") -> QueryDict:
    found = QueryDict(mutable=True)
    if value is not None:
        found[name] = value
    return found


@pytest.mark.parametrize(("value", "number"), [(None, 50), ("", 50), ("  ", 50), ("1", 1), (" 200 ", 200), ("007", 7)])
def test_a_whole_number(value: str | None, number: int) -> None:
    assert params.whole(query(value), "p", 50, least=1, most=200) == number


@pytest.mark.parametrize(
    "value", ["0", "201", "-1", "+1", "1.5", "1e2", "ten", "٣", "1_0", "0x1", "9" * 40, "0" * 20 + "9" * 20, "1" * 5000]
)
def test_a_number_out_of_bounds_is_refused(value: str) -> None:
    with pytest.raises(BadParameter, match=r"^p is '.{1,44}'; allowed: a whole number from 1 to 200\.$"):
        params.whole(query(value), "p", 50, least=1, most=200)


def test_a_choice() -> None:
    allowed = ("name", "lag")
    assert params.choice(query(None), "sort", allowed, "name") == "name"
    assert params.choice(query("lag", "sort"), "sort", allowed, "name") == "lag"
    assert params.choice(query("lag", "sort"), "sort", {"lag": 1}, "lag") == "lag"
    with pytest.raises(BadParameter, match=r"sort is 'LAG'; allowed: name, lag\."):
        params.choice(query("LAG", "sort"), "sort", allowed, "name")


def test_a_flag_is_on_or_off() -> None:
    assert [params.flag(query(value), "p") for value in (None, "", "0", "1")] == [False, False, False, True]
    with pytest.raises(BadParameter):
        params.flag(query("yes"), "p")


def test_a_text_is_bounded() -> None:
    assert params.text(query(" a b "), "p") == "a b"
    assert params.text(query("x" * 200), "p") == "x" * 200
    with pytest.raises(BadParameter, match="longer than 200"):
        params.text(query("x" * 201), "p")


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        *((None, 0), ("0", 0), ("1500", 1500), ("250ms", 250), ("90 s", 90_000), ("5 min", 300_000), ("5m", 300_000)),
        *(("2h", 7_200_000), ("1.5 h", 5_400_000), ("1d", 86_400_000), ("0.001s", 1)),
    ],
)
def test_a_duration_is_in_milliseconds(value: str | None, ms: int) -> None:
    assert params.duration_ms(query(value), "p") == ms


@pytest.mark.parametrize("value", ["-5", "5 years", "h", "1e3", "5  min", "1.s", "9" * 10, "٣ s", "5min\x00"])
def test_what_is_no_duration_is_refused(value: str) -> None:
    with pytest.raises(BadParameter, match="allowed: a time like"):
        params.duration_ms(query(value), "p")


def test_names_are_path_names() -> None:
    assert params.name(query("a~2Fb~FF"), "p") == b"a/b\xff"
    assert params.name(query("~"), "p") == b""
    assert params.name(query(None), "p") is None
    assert params.names(QueryDict("p=a&p=~00&p="), "p") == (b"a", b"\x00")
    assert params.names(QueryDict(""), "p") == ()
    with pytest.raises(BadParameter, match=r"^p: "):
        params.name(query("a/b"), "p")
    with pytest.raises(BadParameter, match=r"^p: "):
        params.names(QueryDict("p=a&p=~zz"), "p")


def test_an_entrys_id() -> None:
    assert params.entry_id(query("5-1"), "p") == StreamId(5, 1)
    assert params.entry_id(query(None), "p") is None
    with pytest.raises(BadParameter, match=r"^p: '5' is not a stream ID"):
        params.entry_id(query("5"), "p")


def test_a_position_is_in_the_zone_of_the_settings(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    assert params.position(query("2026-11-20 05:30"), "p") == params.position(query("2026-11-20T00:00Z"), "p")
    assert params.position(query("7"), "p", upper=True) == StreamId(7, TOP)
    assert params.position(query(None), "p") is None
    with pytest.raises(BadParameter, match=r"^p: 'soon' is neither"):
        params.position(query("soon"), "p")


def test_a_position_may_be_relative() -> None:
    found = params.position(query("-2h"), "p")
    assert found is not None
    assert abs(found.ms - (timezone.now().timestamp() - 7200) * 1000) < 5000


READERS: list[Callable[[QueryDict], object]] = [
    lambda q: params.whole(q, "p", 1),
    lambda q: params.choice(q, "p", ("a",), "a"),
    lambda q: params.flag(q, "p"),
    lambda q: params.text(q, "p"),
    lambda q: params.duration_ms(q, "p"),
    lambda q: params.name(q, "p"),
    lambda q: params.names(q, "p"),
    lambda q: params.entry_id(q, "p"),
    lambda q: params.position(q, "p"),
]


@given(st.text(max_size=40), st.sampled_from(READERS))
@example("9" * 10_000, READERS[0])
@example("9" * 10_000, READERS[7])
@example("-999999w", READERS[8])
@example("\ud800", READERS[5])
def test_whatever_comes_is_used_or_refused_in_a_sentence(value: str, read: Callable[[QueryDict], object]) -> None:
    try:
        read(query(value))
    except BadParameter as refusal:
        message = str(refusal)
    else:
        return
    assert len(message) < 500
    assert message.startswith("p")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "?"),
        ({"a": "", "b": None, "c": [], "d": ()}, "?"),
        ({"q": "a&b=c#", "n": 0}, "?q=a%26b%3Dc%23&n=0"),
        ({"col": ["x", "y~FF"]}, "?col=x&col=y~FF"),
    ],
)
def test_an_address_holds_what_is_set(values: dict[str, object], text: str) -> None:
    assert params.address(values) == text
