from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from dashboard.display import format as words
from dashboard.display.format import MINUS, NOTHING

BERLIN = ZoneInfo("Europe/Berlin")
AT = 1763604718412  # Thu 20 Nov 2025 02:11:58.412 UTC


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (None, NOTHING),
        (-5_000, "0 s"),
        (0, "0 s"),
        (99, "0 s"),
        (100, "0.1 s"),
        (999, "0.9 s"),
        (1_000, "1 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (65_000, "1 min 05 s"),
        (252_000, "4 min 12 s"),
        (599_999, "9 min 59 s"),
        (600_000, "10 min"),
        (3_599_999, "59 min"),
        (3_600_000, "1 h"),
        (8_040_000, "2 h 14 min"),
        (10_920_000, "3 h 02 min"),
        (86_399_999, "23 h 59 min"),
        (86_400_000, "1 d"),
        (266_400_000, "3 d 2 h"),
        (864_000_000, "10 d"),
        (3_542_400_000, "41 d"),
        (200_000_000_000, "2,314 d"),
    ],
)
def test_an_age_is_rounded_down_to_what_still_matters(ms: int | None, said: str) -> None:
    assert words.age(ms) == said


@pytest.mark.parametrize(
    ("at", "said", "with_ago"),
    [
        (None, NOTHING, NOTHING),
        (1_000_000, "5 min", "5 min ago"),
        (1_359_999, "0 s", "0 s ago"),
        (1_360_000, "1 min ahead", "1 min ahead"),
        (2_593_299_999, "29 d ahead", "29 d ahead"),
    ],
    ids=["nothing", "past", "a clock that differs a little", "a minute ahead", "days ahead"],
)
def test_a_moment_is_past_or_ahead(at: int | None, said: str, with_ago: str) -> None:
    assert words.since(at, 1_300_000) == said
    assert words.since(at, 1_300_000, ago=True) == with_ago


@pytest.mark.parametrize(
    ("value", "said"), [(None, NOTHING), (0, "0"), (4031402, "4,031,402"), (-3201, f"{MINUS}3,201")]
)
def test_a_number_shows_all_its_digits(value: int | None, said: str) -> None:
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, NOTHING),
        (999_999, "999,999"),
        (1_000_000, "1.0 M"),
        (4_200_000, "4.2 M"),
        (-24_100_000, f"{MINUS}24.1 M"),
        (412_000_000, "412 M"),
        (999_700_000, "1.0 bn"),
        (1_130_000_000, "1.1 bn"),
        (18_446_744_073_709_551_615, "18,446,744,074 bn"),
    ],
)
def test_a_short_number_is_cut_from_a_million_on(value: int | None, said: str) -> None:
    assert words.short_number(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, NOTHING),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (1_204, "1.2 kB"),
        (9_960, "10 kB"),
        (999_600, "1 MB"),
        (611_000_000, "611 MB"),
        (1_100_000_000, "1.1 GB"),
        (5_000_000_000_000_000, "5,000 TB"),
    ],
)
def test_a_size_has_a_unit_that_fits(value: int | None, said: str) -> None:
    assert words.size(value) == said


@pytest.mark.parametrize(
    ("per_second", "said"),
    [
        (None, NOTHING),
        (0, "0"),
        (0.2, "0.2/s"),
        (3.1, "3.1/s"),
        (41.2, "41/s"),
        (999.6, "1k/s"),
        (3_100, "3.1k/s"),
        (0.099, "0.1/s"),
        (0.0949, "0.09/s"),
        (0.04, "0.04/s"),
        (0.0099, "<0.01/s"),
        (0.0005, "<0.01/s"),
        (0.0004, "0"),
    ],
)
def test_a_rate_is_per_second_however_rare_entries_are(per_second: float | None, said: str) -> None:
    assert words.rate(per_second) == said


def test_an_exact_time_stands_in_the_readers_zone_and_in_utc() -> None:
    assert words.exact(AT, BERLIN) == "Thu 20 Nov 2025 03:11:58.412 Berlin\nThu 20 Nov 2025 02:11:58.412 UTC"


def test_a_reader_in_utc_is_told_once() -> None:
    assert words.exact(AT, UTC) == "Thu 20 Nov 2025 02:11:58.412 UTC"


@pytest.mark.parametrize("epoch_ms", [None, 2**64 - 1, 2**63, 10**15])
def test_an_id_that_is_no_time_is_not_made_one(epoch_ms: int | None) -> None:
    assert words.exact(epoch_ms, BERLIN) == "not a time"


def test_the_last_day_of_the_calendar_has_no_neighbour() -> None:
    assert words.exact(253402300799000, BERLIN) == "Fri 31 Dec 9999 23:59:59.000 UTC"


def test_the_time_of_day() -> None:
    assert words.clock(AT, BERLIN) == "03:11:58 Berlin"
    assert words.clock(None) == NOTHING


@pytest.mark.parametrize(
    ("after_ms", "said"),
    [
        (0, "03:11"),
        (-3 * words.HOUR, "00:11"),
        (-4 * words.HOUR, "Wed 23:11"),
        (6 * words.DAY, "Wed 03:11"),
        (7 * words.DAY, "27 Nov 03:11"),
        (-400 * words.DAY, "16 Oct 2024 04:11"),
    ],
)
def test_a_moment_near_now_is_said_as_people_write_it(after_ms: int, said: str) -> None:
    assert words.when(AT + after_ms, AT, BERLIN) == said


def test_a_moment_that_no_calendar_has_is_not_near() -> None:
    assert words.when(2**63, AT) == words.when(None, AT) == NOTHING
    assert words.when(253402300799000, AT, BERLIN) == "31 Dec 9999 23:59"


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 entry"), (0, "0 entries"), (3201, "3,201 entries"), (None, f"{NOTHING} entries")]
)
def test_a_noun_follows_its_count(count: int | None, said: str) -> None:
    assert words.plural(count, "entry", "entries") == said


def test_a_plain_noun_gets_an_s() -> None:
    assert words.plural(2, "stream") == "2 streams"


@pytest.mark.parametrize(
    ("part", "whole", "said"), [(3201, 3208, "99.78%"), (1, 2, "50%"), (0, 0, "0%"), (5, 2, "100%"), (-1, 2, "0%")]
)
def test_a_share_stays_within_its_bar(part: float, whole: float, said: str) -> None:
    assert words.percent(part, whole) == said


def test_a_long_name_keeps_both_ends() -> None:
    assert words.abridged("worker-1-7d9f6c5b8-xk2lp-eu", 24) == "worker-1-7d9f6c…xk2lp-eu"
    assert words.abridged("worker-1", 24) == "worker-1"
