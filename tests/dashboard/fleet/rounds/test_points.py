"""Points of charts: what is kept of each row, for how long, and what is never mixed up."""

from __future__ import annotations

import sys
from dataclasses import replace

from dashboard.fleet.findings.model import Limits
from dashboard.fleet.memory import Memory
from dashboard.fleet.rounds.charts import ROUNDS, Charts
from dashboard.fleet.rounds.points import GONE, Points
from dashboard.streams.snapshots import Figure
from tests.dashboard.fleet.findings.test_findings import GROUP, KEY, NOW, SECOND, consumer, sample


def test_what_is_not_put_stands_as_it_was() -> None:
    points = Points("d", 10)
    points.begin(1000)
    points.add(0)
    points.add(1)
    points.put(0, 7)
    points.put(1, None)
    points.begin(2000)
    points.put(1, 2**53)
    points.begin(3000)
    points.put(0, 9)
    assert points.series(0) == (7, 7, 9)
    assert points.series(1) == (None, 2**53, 2**53)
    assert (points.before(0, 2999), points.before(0, 3000), points.before(0, 999)) == (7, 9, None)
    assert points.span_of(0) == 2000


def test_only_the_last_rounds_are_kept() -> None:
    points = Points("f", 3)
    for number in range(1, 6):
        points.begin(number * 1000)
        if number == 1:
            points.add(0)
        points.put(0, number)
    assert points.series(0) == (3, 4, 5)


def test_of_a_span_as_much_is_kept_as_is_needed_to_look_that_far_back() -> None:
    points = Points("d", span_ms=60_000)
    points.begin(0)
    points.add(0)
    for seconds in (0, 25, 50, 75, 100, 125):
        points.begin(seconds * 1000)
        points.put(0, seconds)
    assert points.series(0) == (50, 75, 100, 125)
    assert points.before(0, 65_000) == 50


def test_of_a_span_no_more_is_kept_than_a_step_apart_however_fast_rounds_come() -> None:
    points = Points("d", span_ms=60_000)
    points.begin(0)
    points.add(0)
    for tenths in range(1201):
        points.begin(tenths * 100)
        points.put(0, tenths)
    kept = points.series(0)
    assert len(kept) <= 14
    assert kept[-1] == 1200
    for at in (60_000, 75_000, 90_000, 119_950):
        before = points.before(0, at)
        assert before is not None
        assert at - 5_000 <= before * 100 <= at


def test_who_comes_to_the_place_of_another_has_none_of_its_points() -> None:
    charts = Charts()
    charts.begin(1000)
    first = charts.add_group()
    charts.put_group(first, 5, 6, 7)
    charts.begin(2000)
    charts.remove_group(first)
    assert charts.add_group() == first
    assert charts.pending.series(first) == (None,)
    charts.put_group(first, 1, None, None)
    charts.begin(3000)
    assert charts.pending.series(first) == (1, 1)
    assert charts.lag_before(first, 1000) is None
    assert charts.pending.series(GONE) == ()


def test_a_minute_is_compared_exactly_however_large_the_numbers_are() -> None:
    charts = Charts()
    charts.begin(0)
    row = charts.add_group()
    for seconds, lag in ((0, 2**40 + 1), (30, 2**40 + 2), (60, 2**40 + 3)):
        charts.begin(seconds * 1000)
        charts.put_group(row, 0, lag, lag + 1)
    assert charts.lag_before(row, 0) == 2**40 + 1
    assert charts.lags(row, 60_000) == tuple((2**40 + n, 2**40 + n + 1) for n in (1, 2, 3))
    assert charts.lags(row, 59_999) == (), "nothing is known of a minute before that"


def test_a_stream_shows_its_last_rounds_and_none_when_it_is_gone() -> None:
    memory = Memory(Limits())
    of = sample(consumers=(consumer(),), lag=Figure(3))
    for number in range(ROUNDS + 5):
        added = replace(of.facts, entries_added=10 * number)
        state = memory.take(replace(of, facts=added, now_ms=NOW + number * 5 * SECOND))
    assert len(state.in_trend) == ROUNDS
    assert state.in_trend[-1] == 2.0
    assert state.trend_ms == (ROUNDS - 1) * 5 * SECOND
    assert state.lag_trend(GROUP) == (3.0,) * ROUNDS
    memory.forget([KEY])
    assert (state.in_trend, state.lag_trend(GROUP)) == ((), ())


def test_rounds_take_no_more_room_for_a_stream_that_stands_still() -> None:
    memory = Memory(Limits())
    of = sample(consumers=(consumer(),))
    for number in range(300):
        memory.begin(NOW + number * SECOND)
        memory.take(replace(of, now_ms=NOW + number * SECOND))
    charts = memory.charts
    arrays = [each.values for points in (charts.in_rate, *charts._of_groups) for each in points._rounds]
    assert sum(values.itemsize * len(values) for values in arrays) <= 3 * ROUNDS * 4 + 2 * 17 * 8
    assert max(sys.getsizeof(values) for values in arrays) <= 100
