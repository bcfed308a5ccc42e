from __future__ import annotations

import pytest

from dashboard.display.format import DAY, HOUR, MINUTE, SECOND
from dashboard.display.gauge import Gauge, Holder, Label, gauge
from dashboard.display.sparkline import spark
from dashboard.streams.snapshots import Figure

NOW = 1763604718412
LAG = Figure(14)


def held(name: str, count: int, oldest: int, youngest: int, *, silent: bool = True) -> Holder:
    return Holder(name, count, NOW - oldest, NOW - youngest, silent)


def drawn(*holders: Holder, age: int = 6 * DAY, read: int | None = SECOND, lag: Figure = LAG) -> Gauge:
    picture = gauge(
        now_ms=NOW,
        first_ms=NOW - age,
        delivered_ms=None if read is None else NOW - read,
        holders=holders,
        lag=lag,
    )
    assert picture is not None
    return picture


def place(text: str) -> float:
    return float(text.removesuffix("%"))


def extent(label: Label) -> tuple[float, float]:
    """Where a label starts and ends on a wide page."""
    width, x = len(str(label.said)) * 0.55, place(label.x)
    return {"start": (x, x + width), "middle": (x - width / 2, x + width / 2), "end": (x - width, x)}[label.anchor]


@pytest.mark.parametrize("first_ms", [None, NOW, NOW + HOUR])
def test_an_empty_stream_has_no_staff(first_ms: int | None) -> None:
    assert gauge(now_ms=NOW, first_ms=first_ms, delivered_ms=None, holders=(), lag=Figure(0)) is None


def test_the_staff_reaches_from_the_first_entry_to_now() -> None:
    ticks = drawn().ticks
    assert (ticks[0].x, ticks[0].text) == ("0%", "first entry, 6 d")
    assert (ticks[-1].x, ticks[-1].text) == ("100%", "now")
    assert [tick.text for tick in ticks if not tick.minor] == ["first entry, 6 d", "1 h", "1 min", "now"]


@pytest.mark.parametrize("age", [1, SECOND, 40 * SECOND, 9 * MINUTE, 5 * HOUR, 30 * DAY, 9_000 * DAY])
def test_the_poles_fill_the_staff_and_alternate(age: int) -> None:
    poles = drawn(age=age).poles
    assert sum(place(pole.width) for pole in poles) == pytest.approx(100, abs=0.1)
    assert [pole.filled for pole in poles] == [index % 2 == 0 for index in range(len(poles))]


def test_the_silent_holder_is_what_is_said() -> None:
    label = drawn(held("worker-2", 3201, 134 * MINUTE, 130 * MINUTE), held("w1", 5, 3000, 500, silent=False)).held_label
    assert label is not None
    assert label.stuck
    assert str(label.said) == "3,201 held by worker-2, oldest 2 h 14 min"


def test_the_ages_that_are_said_are_those_of_moments_a_page_can_count_on_from() -> None:
    picture = drawn(held("worker-2", 3, 21 * SECOND, SECOND), read=4 * SECOND)
    assert picture.held_label is not None
    labels = (picture.held_label, picture.read_label)
    said = [(NOW - (label.said.since_ms or 0), label.said.age) for label in labels]
    assert said == [(21 * SECOND, "21 s"), (4 * SECOND, "4 s")]


def test_several_silent_holders_are_said_once() -> None:
    label = drawn(held("a", 900, 40 * MINUTE, MINUTE), held("b", 400, 3 * HOUR, MINUTE)).held_label
    assert label is not None
    assert str(label.said) == "1,300 held by 2 consumers, oldest 3 h"


@pytest.mark.parametrize("lag", [Figure(14), Figure(0), Figure(None, "set by hand"), Figure(12, "", approximate=True)])
@pytest.mark.parametrize("oldest", [0, SECOND, 20 * SECOND, MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, DAY, 6 * DAY])
@pytest.mark.parametrize("read", [0, SECOND, 30 * SECOND, 20 * MINUTE, 5 * HOUR, 6 * DAY])
def test_labels_never_collide(oldest: int, read: int, lag: Figure) -> None:
    picture = drawn(held("worker-1-7d9f6c5b8-xk2lp-of-a-long-name", 3201, max(oldest, read), read), read=read, lag=lag)
    assert picture.held_label is not None
    held_start, held_end = extent(picture.held_label)
    read_start, read_end = extent(picture.read_label)
    assert held_start >= 0
    assert held_end < read_start
    assert read_end <= 100


def test_a_hold_of_the_future_stays_on_the_staff() -> None:
    bar = drawn(held("w", 1, -HOUR, -HOUR)).bars[0]
    assert (bar.x, bar.width, bar.height) == ("100.00%", "0.00%", 18)


def test_the_silent_ones_are_drawn_last_and_the_smallest_is_still_seen() -> None:
    bars = drawn(held("stuck", 3, HOUR, HOUR), held("busy", 3000, 3000, 500, silent=False)).bars
    assert [(bar.kind, bar.height) for bar in bars] == [("fresh", 18), ("held", 2)]


@pytest.mark.parametrize(
    ("read", "lag", "said"),
    [
        (2 * SECOND, Figure(14), "read up to 2 s ago, lag 14"),
        (2 * SECOND, Figure(0), "read to the end"),
        (2 * SECOND, Figure(None, "set by hand"), "read up to 2 s ago, lag unknown"),
        (2 * SECOND, Figure(3, "", approximate=True), "read up to 2 s ago, lag about 3"),
        (None, Figure(1200), "nothing read yet, lag 1,200"),
    ],
)
def test_how_far_it_was_read(read: int | None, lag: Figure, said: str) -> None:
    assert str(drawn(read=read, lag=lag).read_label.said) == said


def test_the_sentence_says_all_of_it() -> None:
    assert drawn(held("worker-2", 3201, HOUR, HOUR)).sentence == (
        "Position of the group in the stream. 3,201 entries pending with 1 consumer, oldest 1 h; "
        "read up to 1 s ago, lag 14."
    )
    assert "Nothing is pending" in drawn().sentence


@pytest.mark.parametrize("values", [None, [], [1.0], [None, 3.0, None]])
def test_one_point_is_no_trend(values: list[float | None] | None) -> None:
    assert spark(values) is None


def test_a_trend_starts_at_zero_and_ends_at_the_right() -> None:
    line = spark([0, 5, 10])
    assert line is not None
    assert line.line == "M0 17 36 9.5 72 2"
    assert line.fill == "M0 17 36 9.5 72 2 72 18 0 18z"


def test_a_hole_in_a_trend_is_a_hole() -> None:
    line = spark([1, None, 1, 1])
    assert line is not None
    assert line.line.count("M") == 2


def test_a_flat_zero_lies_on_the_ground() -> None:
    line = spark([0, 0])
    assert line is not None
    assert line.line == "M0 17 72 17"


def test_nothing_lies_ahead_of_a_group_that_has_read_everything() -> None:
    """A stream that nobody writes to: its last entry is old, and still there is nothing left to read."""
    quiet = drawn(read=HOUR, lag=Figure(0))
    assert (quiet.read, quiet.ahead) == ("100.00%", "0.00%")
    assert (quiet.read_label.x, quiet.read_label.anchor) == ("100%", "end")
    unsure = drawn(read=HOUR, lag=Figure(0, "", approximate=True))
    assert unsure.ahead == drawn(read=HOUR, lag=Figure(7)).ahead != "0.00%"
