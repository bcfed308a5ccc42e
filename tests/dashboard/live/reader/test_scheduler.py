"""Whom the reader asks next, and for how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.admission import subscription_quota
from dashboard.live.reader.scheduler import (
    BACKOFF,
    COUNT,
    FRAME_REST,
    MAX_REST,
    QUICK_REST,
    QUICK_WITHIN,
    ROUND_PAUSE,
    ReadScheduler,
)
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries.steps import PAGE_BYTES, STEP
from dashboard.streams.snapshots import Entry


def followed(count: int) -> list[tuple[bytes, StreamId]]:
    return [(b"%d" % n, MIN) for n in range(count)]


def entries(count: int, size: int = 1) -> tuple[Entry, ...]:
    return tuple(Entry(StreamId(n, 0), ((b"", b"x" * size),)) for n in range(count))


@pytest.mark.parametrize("count", [1, 2, STEP, STEP + 1, 100, subscription_quota.STREAMS])
def test_all_have_their_turn_and_soon(count: int) -> None:
    scheduler, seen, rested = ReadScheduler(), set(), 0.0
    while len(seen) < count:
        asked = scheduler.next(followed(count))
        assert not seen & {key for key, _ in asked.cursors}
        assert len(asked.cursors) * asked.count <= STEP
        assert bool(asked.block_ms) is (count <= STEP)
        seen |= {key for key, _ in asked.cursors}
        rested += scheduler.record(asked, {})
    assert rested < 0.3


def test_who_has_more_is_read_on_at_once_until_it_is_enough() -> None:
    scheduler, came = ReadScheduler(), 0
    while True:
        asked = scheduler.next(followed(40))
        found = {asked.cursors[0][0]: entries(asked.count)}
        came += asked.count
        if rest := scheduler.record(asked, found):
            break
        assert scheduler.next(followed(40)).cursors == asked.cursors[:1]
        assert not scheduler.flooded
    assert (came, scheduler.flooded) == (COUNT, True)
    assert rest == ROUND_PAUSE
    assert asked.cursors[0] not in scheduler.next(followed(40)).cursors


def test_heavy_entries_are_enough_sooner() -> None:
    scheduler = ReadScheduler()
    asked = scheduler.next(followed(1))
    assert scheduler.record(asked, {b"0": entries(asked.count, PAGE_BYTES)}) == BACKOFF
    assert scheduler.flooded


def test_one_entry_is_followed_by_no_rest_until_more_come_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("dashboard.live.reader.scheduler.time.monotonic", lambda: now[0])
    scheduler = ReadScheduler()
    assert scheduler.record(scheduler.next(followed(1)), {b"0": entries(1)}) == 0
    assert not scheduler.flooded
    assert scheduler.rest(1) == FRAME_REST
    now[0] += QUICK_WITHIN / 2
    assert scheduler.rest(1) == QUICK_REST
    now[0] += QUICK_WITHIN
    assert scheduler.rest(1) == FRAME_REST


def test_the_more_viewers_the_longer_the_rest_up_to_a_quarter_second() -> None:
    scheduler = ReadScheduler()
    assert [scheduler.rest(frames) for frames in (200, 1000, 100_000)] == [
        200 * FRAME_REST,
        1000 * FRAME_REST,
        MAX_REST,
    ]


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([1, 10**5, 10**6]), st.integers(0, STEP)), max_size=60))
def test_never_more_than_a_step_at_a_time(rounds: list[tuple[int, int, int]]) -> None:
    """Each round: how many are followed, what their entries weigh, and how many streams have all that may come."""
    scheduler = ReadScheduler()
    for count, size, full in rounds:
        asked = scheduler.next(followed(count))
        assert 1 <= len(asked.cursors) * asked.count <= STEP
        scheduler.record(asked, {key: entries(asked.count, size) for key, _ in asked.cursors[:full]})
