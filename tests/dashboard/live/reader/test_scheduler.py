"""Whom the reader asks next, and for how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.admission import subscription_quota
from dashboard.live.reader.scheduler import COUNT, REST, TURN, Turns
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries.steps import PAGE_BYTES, STEP
from dashboard.streams.snapshots import Entry


def followed(count: int) -> list[tuple[bytes, StreamId]]:
    return [(b"%d" % n, MIN) for n in range(count)]


def entries(count: int, size: int = 1) -> tuple[Entry, ...]:
    return tuple(Entry(StreamId(n, 0), ((b"", b"x" * size),)) for n in range(count))


@pytest.mark.parametrize("count", [1, 2, STEP, STEP + 1, 100, subscription_quota.STREAMS])
def test_all_have_their_turn_and_soon(count: int) -> None:
    turns, seen, rested = Turns(), set(), 0.0
    while len(seen) < count:
        asked = turns.next(followed(count))
        assert not seen & {key for key, _ in asked.cursors}
        assert len(asked.cursors) * asked.count <= STEP
        assert bool(asked.block_ms) is (count <= STEP)
        seen |= {key for key, _ in asked.cursors}
        rested += turns.took(asked, {})
    assert rested < 0.3


def test_who_has_more_is_read_on_at_once_until_it_is_enough() -> None:
    turns, came = Turns(), 0
    while True:
        asked = turns.next(followed(40))
        found = {asked.cursors[0][0]: entries(asked.count)}
        came += asked.count
        if rest := turns.took(asked, found):
            break
        assert turns.next(followed(40)).cursors == asked.cursors[:1]
        assert not turns.flooded
    assert (came, turns.flooded) == (COUNT, True)
    assert rest == TURN
    assert asked.cursors[0] not in turns.next(followed(40)).cursors


def test_heavy_entries_are_enough_sooner() -> None:
    turns = Turns()
    asked = turns.next(followed(1))
    assert turns.took(asked, {b"0": entries(asked.count, PAGE_BYTES)}) == REST
    assert turns.flooded


def test_one_entry_is_followed_by_a_rest() -> None:
    turns = Turns()
    assert turns.took(turns.next(followed(1)), {b"0": entries(1)}) == REST
    assert not turns.flooded


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([1, 10**5, 10**6]), st.integers(0, STEP)), max_size=60))
def test_never_more_than_a_step_at_a_time(rounds: list[tuple[int, int, int]]) -> None:
    """Each round: how many are followed, what their entries weigh, and how many streams have all that may come."""
    turns = Turns()
    for count, size, full in rounds:
        asked = turns.next(followed(count))
        assert 1 <= len(asked.cursors) * asked.count <= STEP
        turns.took(asked, {key: entries(asked.count, size) for key, _ in asked.cursors[:full]})
