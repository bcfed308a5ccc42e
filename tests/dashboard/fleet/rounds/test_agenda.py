"""What a round looks into though it was not seen to change."""

from __future__ import annotations

from dataclasses import replace

from dashboard.fleet.findings.due import due_in
from dashboard.fleet.findings.model import Limits, Movement, StreamMovement
from dashboard.fleet.rounds.agenda import Agenda
from dashboard.fleet.snapshots import StreamState
from dashboard.streams.queries.sampling import StreamSample
from dashboard.streams.snapshots import Figure
from tests.dashboard.fleet.findings.test_findings import (
    GROUP,
    HOUR,
    LIMITS,
    MINUTE,
    NOW,
    SECOND,
    consumer,
    held,
    id_ago,
    sample,
)


def state(key: bytes, *, holds: bool = True, shows: bool = True) -> StreamState:
    of = sample(held(SECOND), consumers=(consumer(pending=1),)) if holds else sample()
    return StreamState(replace(of, facts=replace(of.facts, key=key), shows_additions=shows))


def test_all_have_their_turn_before_one_has_a_second() -> None:
    agenda = Agenda()
    for key in (b"a", b"b", b"c"):
        agenda.note(state(key), None)
        agenda.note(state(key), None)
    turns = agenda.in_turn(())
    assert (next(turns), next(turns)) == (b"a", b"b")
    assert list(agenda.in_turn(())) == [b"c", b"a", b"b"]
    assert list(agenda.in_turn({b"a"})) == [b"c", b"b"]
    agenda.note(state(b"b", holds=False), None)
    agenda.drop(b"c")
    assert list(agenda.in_turn(())) == [b"a"]
    agenda.note(state(b"c"), None)
    assert sorted(agenda.in_turn(())) == [b"a", b"c"]


def test_what_does_not_show_at_a_glance_is_always_looked_into() -> None:
    agenda = Agenda()
    agenda.note(state(b"a", shows=False), None)
    agenda.note(state(b"b"), None)
    assert agenda.always == {b"a"}
    agenda.note(state(b"a"), None)
    assert agenda.always == set()


def test_what_is_due_comes_once_at_its_last_time() -> None:
    agenda = Agenda()
    agenda.note(state(b"a"), 500)
    agenda.note(state(b"b"), 100)
    agenda.note(state(b"a"), 300)
    agenda.note(state(b"c"), 200)
    agenda.drop(b"c")
    assert list(agenda.due(299)) == [b"b"]
    assert list(agenda.due(1000)) == [b"a"]
    assert list(agenda.due(1000)) == []


# when something is due -----------------------------------------------------------------------------------------------


def due(of: StreamSample, moved: Movement | None = None, stream: StreamMovement | None = None) -> int | None:
    return due_in(of, {GROUP: moved or Movement()}, LIMITS, stream or StreamMovement())


def test_nothing_is_due_where_nothing_waits() -> None:
    assert due(sample()) is None
    assert due(sample(), stream=StreamMovement(grew_ms=SECOND, gaps=(SECOND,) * 9)) is None


def test_an_entry_is_due_when_it_becomes_late_then_stuck_then_gone() -> None:
    old = Movement(oldest_ms=2 * HOUR, released_ms=2 * HOUR)
    for idle, then in ((SECOND, MINUTE - SECOND), (MINUTE, 4 * MINUTE), (5 * MINUTE, 55 * MINUTE), (HOUR, None)):
        assert due(sample(held(idle, ago=HOUR), consumers=(consumer(pending=1, idle=idle),)), old) == then


def test_what_waits_undelivered_is_due_by_its_own_time() -> None:
    of = sample(lag=Figure(4), delivered_ago=20 * SECOND, first_ago=HOUR)
    assert due(of, Movement(waiting_ms=HOUR)) == 40 * SECOND


def test_a_loss_is_due_when_it_is_old_news() -> None:
    assert due(sample(), Movement(lost_ms=HOUR - 7)) == 7


def test_a_stream_is_due_when_it_should_have_got_an_entry() -> None:
    gaps = (10 * SECOND,) * 10
    assert due(sample(), stream=StreamMovement(grew_ms=MINUTE, gaps=gaps)) == Limits().stuck_ms - MINUTE
    assert due(sample(), stream=StreamMovement(grew_ms=MINUTE, gaps=(*gaps, MINUTE))) == 9 * MINUTE
    assert due(sample(), stream=StreamMovement(grew_ms=HOUR, gaps=gaps)) is None


def test_groups_that_vanished_and_dead_letters_are_due_when_they_are_old_news() -> None:
    assert due(sample(), stream=StreamMovement(vanished={b"g": HOUR - 5})) == 5
    dead = replace(sample(), facts=replace(sample().facts, key=b"orders:dlq", last_id=id_ago(HOUR - 3)))
    assert due(dead) == 3
    assert due(replace(dead, now_ms=NOW + HOUR)) is None


def test_an_id_ahead_of_the_clock_is_due_when_the_clock_has_caught_up() -> None:
    facts = replace(sample().facts, last_generated_id=id_ago(-HOUR))
    assert due(replace(sample(), facts=facts)) == HOUR - MINUTE + 1
