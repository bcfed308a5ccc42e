"""Stream IDs: two 64-bit integers in Redis's order, and positions as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.streams.errors import BadId
from dashboard.streams.id_patterns import ENTRY_ID, POSITION
from dashboard.streams.ids import MAX, MIN, TOP, StreamId, parse_position

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 14, 30, tzinfo=BERLIN)
IDS = st.builds(StreamId, st.integers(0, TOP), st.integers(0, TOP))


@given(IDS)
def test_an_id_survives_as_text_and_as_bytes(id_: StreamId) -> None:
    assert StreamId.parse(str(id_)) == StreamId.parse(str(id_).encode()) == id_


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "1-",
            "-1",
            "1-2-3",
            "a-1",
            " 1-1",
            "1-1\n",
            "1--1",
            "+1-1",
            "18446744073709551616-0",
            "0-" + "9" * 20,
        ),
        *("$", "*", ">", "-", "+", "1.5-0", "1-*", "(1-1", "٣-١", "1-1\x00", b"\xff-1", "9" * 5000 + "-0"),
    ],
)
def test_anything_else_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadId) as refusal:
        StreamId.parse(text)
    assert len(str(refusal.value)) < 500


@given(st.from_regex(ENTRY_ID, fullmatch=True))
@example(f"{TOP}-{TOP}")
@example("0001-01")
def test_every_id_that_the_api_describes_is_taken(text: str) -> None:
    assert StreamId.parse(text) <= MAX


@given(st.integers(0, 10**19 - 1), st.integers(0, 10**19 - 1))
@example(1763604718412, TOP)
def test_ids_are_described(ms: int, seq: int) -> None:
    assert re.fullmatch(ENTRY_ID, str(StreamId(ms, seq)))
    assert not re.fullmatch(ENTRY_ID, f"{TOP + 1}-{seq}")


@given(st.from_regex(POSITION, fullmatch=True))
@example("2024-02-29")
@example("1971-01-01T00:00:00.000+13:59")
@example("9999-12-31 23:59:59Z")
def test_every_position_that_the_api_describes_is_taken(text: str) -> None:
    assert MIN <= parse_position(text, now=NOW) <= MAX


@pytest.mark.parametrize("text", ["2023-02-29", "2026-04-31", "2026-02-30", "24:00", "tomorrow", "1-1-1", "", "-2y"])
def test_what_is_no_position_is_not_described_as_one(text: str) -> None:
    assert not re.fullmatch(POSITION, text)


def test_ids_are_ordered_as_numbers() -> None:
    ids = [MIN, StreamId(0, 1), StreamId(9, TOP), StreamId(10, 0), StreamId(10, 9), StreamId(10, 10), MAX]
    assert sorted(ids, key=str) != ids
    assert sorted(ids) == ids


@given(IDS)
def test_next_and_prev_are_neighbours(id_: StreamId) -> None:
    if id_ != MAX:
        assert id_ < id_.next()
        assert id_.next().prev() == id_
    if id_ != MIN:
        assert id_.prev() < id_
        assert id_.prev().next() == id_


def test_neighbours_cross_milliseconds_and_stop_at_the_ends() -> None:
    assert StreamId(5, TOP).next() == StreamId(6, 0)
    assert StreamId(6, 0).prev() == StreamId(5, TOP)
    assert MAX.next() == MAX
    assert MIN.prev() == MIN


@pytest.mark.parametrize(
    ("id_", "time"),
    [
        (StreamId(1763604718412, 3), datetime(2025, 11, 20, 2, 11, 58, 412000, UTC)),
        (StreamId(10**12, 0), datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
        (StreamId(10**12 - 1, 0), None),
        (StreamId(10**13, 0), None),
        (StreamId(1, 1), None),
        (MAX, None),
    ],
)
def test_only_a_plausible_clock_is_a_time(id_: StreamId, time: datetime | None) -> None:
    assert id_.time() == time
    assert id_.clock_ms == (id_.ms if time else None)


def test_age_is_by_the_servers_clock_and_never_negative() -> None:
    id_ = StreamId(1763604718412, 0)
    assert id_.age_ms(id_.ms + 1500) == 1500
    assert id_.age_ms(id_.ms - 1) == 0
    assert StreamId(7, 0).age_ms(id_.ms) is None


def test_what_is_well_after_the_servers_clock_has_no_age() -> None:
    id_ = StreamId(1763604718412, 0)
    assert id_.age_ms(id_.ms - 59_999) == 0
    assert id_.age_ms(id_.ms - 60_000) is None


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1763604718412-7", 1763604718412),
        ("1763604718412", 1763604718412),
        ("14:05", at("2026-11-21 14:05")),
        (" 14:05 ", at("2026-11-21 14:05")),
        ("14:31", at("2026-11-20 14:31")),
        ("today 14:31", at("2026-11-21 14:31")),
        ("yesterday 09:00", at("2026-11-20 09:00")),
        ("9:00:07", at("2026-11-21 09:00:07")),
        ("-90s", at("2026-11-21 14:28:30")),
        ("-5 min", at("2026-11-21 14:25")),
        ("-5m", at("2026-11-21 14:25")),
        ("-2h", at("2026-11-21 12:30")),
        ("-1d", at("2026-11-20 14:30")),
        ("-1w", at("2026-11-14 14:30")),
        ("-250ms", at("2026-11-21 14:30") - 250),
        ("2026-11-20", at("2026-11-20")),
        ("2026-11-20 14:05", at("2026-11-20 14:05")),
        ("2026-11-20T14:05:58.412", at("2026-11-20 14:05:58.412")),
        ("2026-11-20T14:05:00Z", at("2026-11-20 15:05")),
        ("2026-11-20T14:05:00-05:00", at("2026-11-20 20:05")),
    ],
)
def test_a_time_is_read_in_the_readers_zone(text: str, ms: int) -> None:
    assert parse_position(text, now=NOW).ms == ms


def test_a_time_means_its_first_id_or_its_last() -> None:
    assert parse_position("14:05", now=NOW).seq == 0
    assert parse_position("14:05", now=NOW, upper=True).seq == TOP
    assert parse_position("5", now=NOW, upper=True) == StreamId(5, TOP)
    assert parse_position("5-1", now=NOW, upper=True) == StreamId(5, 1)


@given(st.integers(10**12, 10**13 - 1))
@example(2_182_867_899_463)
@example(9_999_999_999_999)
def test_the_time_of_an_id_leads_back_to_it(ms: int) -> None:
    moment = StreamId(ms, 0).time()
    assert moment is not None
    assert parse_position(moment.isoformat(), now=NOW).ms == ms


def test_hours_ago_are_hours_also_when_the_clocks_change() -> None:
    """On 25 October 2026 at 03:00 summer time the clocks of Berlin go back by an hour."""
    now = datetime(2026, 10, 25, 4, 0, tzinfo=BERLIN)
    assert parse_position("-3h", now=now).ms == int(now.timestamp() * 1000) - 3 * 3_600_000


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "25:00",
            "12:60",
            "24:00",
            "-2",
            "-2y",
            "2h",
            "--2h",
            "2026-13-01",
            "1969-12-31",
            "tomorrow 09:00",
        ),
        *("-999999w", "9" * 21, "18446744073709551616", "0001-01-01", "<script>", "\u0661\u0662:00", "12:00\x00"),
    ],
)
def test_what_is_neither_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadId, match=r"1763596680412-0"):
        parse_position(text, now=NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_position_or_refused(text: str) -> None:
    try:
        assert MIN <= parse_position(text, now=NOW) <= MAX
    except BadId:
        return
