"""What is to be written: only what differs from what the database has, and nothing is over that may go on."""

from __future__ import annotations

from uuid import uuid4

import pytest

from dashboard.fleet.findings.model import Finding, Identity
from dashboard.fleet.incidents import ledger as module
from dashboard.fleet.incidents.ledger import (
    BATCH,
    NAME_MOST,
    RULES_NEED_MS,
    Changes,
    Ledger,
    Mute,
    OpenIncident,
    Written,
)
from tests.dashboard.fleet.incidents.made import MINUTE, NOW, found

STUCK, POISON = found("stuck"), found("poison")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Our clock, in ms: changed by the test."""
    now = [NOW]
    monkeypatch.setattr(module, "now_ms", lambda: now[0])
    return now


def recorded(finding: Finding, **other: object) -> OpenIncident:
    known = OpenIncident(uuid4(), finding.since_ms, finding.severity, finding.severity)
    return known._replace(**other)  # type: ignore[arg-type]


def write(ledger: Ledger) -> Changes:
    """The database takes the next changes."""
    changes = ledger.changes()
    opened = {identity: recorded(finding) for identity, finding in changes.opened.items()}
    changed = {id_: known._replace(severity=finding.severity) for id_, (known, finding) in changes.changed.items()}
    ledger.apply(changes, Written({**opened, **changed}))
    return changes


@pytest.fixture
def ledger(clock: list[int]) -> Ledger:
    """It knows that nothing is open."""
    return loaded({})


def loaded(every: dict[Identity, OpenIncident]) -> Ledger:
    made = Ledger()
    made.apply(Changes(), Written({}, every))
    return made


def test_before_it_is_known_what_is_open_nothing_is_new(clock: list[int]) -> None:
    ledger = Ledger()
    ledger.note(b"orders", (STUCK,), NOW)
    assert not ledger.changes()
    ledger.apply(Changes(), Written({}, {STUCK.identity: recorded(STUCK)}))
    assert not ledger.changes()
    assert ledger.unwritten == 0


def test_a_finding_is_opened_once_and_then_nothing_is_written(ledger: Ledger) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    assert [*write(ledger).opened.values()] == [STUCK]
    for later in range(3):
        ledger.note(b"orders", (found("stuck", message=f"{later} entries are pending"),), NOW + later * 5000)
        assert not ledger.changes()


def test_another_severity_is_a_change_and_not_another_incident(ledger: Ledger) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    write(ledger)
    worse = found("stuck", severity="stuck")
    ledger.note(b"orders", (worse,), NOW)
    changes = write(ledger)
    assert (len(changes.opened), [finding for _, finding in changes.changed.values()]) == (0, [worse])
    assert not ledger.changes()


def test_what_is_not_found_any_more_is_cleared_with_what_was_last_said(ledger: Ledger, clock: list[int]) -> None:
    ledger.note(b"orders", (STUCK, POISON), NOW)
    write(ledger)
    last = found("stuck", message="1 entry is pending")
    ledger.note(b"orders", (last, POISON), NOW)
    clock[0] += 7
    ledger.note(b"orders", (POISON,), NOW + MINUTE)
    cleared = write(ledger).cleared
    assert [*cleared] == [STUCK.identity]
    known, gone = cleared[STUCK.identity]
    assert gone == (last, NOW + 7, NOW + MINUTE)
    assert known.since_ms == STUCK.since_ms
    assert ledger.of(STUCK.identity) is None
    assert ledger.of(POISON.identity) is not None


def test_what_comes_and_goes_before_it_is_written_is_never_written(ledger: Ledger) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    ledger.note(b"orders", (), NOW)
    assert not ledger.changes()
    ledger.note(b"orders", (POISON,), NOW)
    write(ledger)
    ledger.note(b"orders", (), NOW)
    ledger.note(b"orders", (POISON,), NOW)
    assert not ledger.changes()


def test_what_went_while_it_was_being_opened_is_cleared_after_the_next_look(ledger: Ledger, clock: list[int]) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    changes = ledger.changes()
    ledger.note(b"orders", (), NOW)
    ledger.apply(changes, Written({STUCK.identity: recorded(STUCK)}))
    clock[0] += RULES_NEED_MS
    ledger.settle({b"orders"}, {b"orders"}, NOW, complete=True)
    assert [*write(ledger).cleared] == [STUCK.identity]


def test_what_the_database_did_not_take_is_still_to_be_written(ledger: Ledger) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    assert ledger.changes().opened == ledger.changes().opened != {}
    assert ledger.unwritten == 1


def test_much_is_written_in_parts(ledger: Ledger) -> None:
    for number in range(BATCH + 1):
        key = b"orders:%d" % number
        ledger.note(key, (found(stream=key),), NOW)
    assert [len(write(ledger).opened) for _ in range(3)] == [BATCH, 1, 0]


def test_a_finding_about_a_name_that_no_row_takes_is_not_recorded(ledger: Ledger) -> None:
    for size, count in ((NAME_MOST + 1, 0), (NAME_MOST, 1)):
        ledger.note(b"orders", (found(group=b"x" * size),), NOW)
        assert len(ledger.changes().opened) == count


# after a start -------------------------------------------------------------------------------------------------------


@pytest.fixture
def started(clock: list[int]) -> Ledger:
    """STUCK was open when the process began, and two minutes have passed since."""
    made = loaded({STUCK.identity: recorded(STUCK, since_ms=NOW - 60 * MINUTE)})
    clock[0] += RULES_NEED_MS
    return made


def test_what_was_open_stands_since_it_began(started: Ledger) -> None:
    assert started.since_ms(STUCK.identity) == NOW - 60 * MINUTE
    assert started.since_ms(POISON.identity) is None


@pytest.mark.parametrize(
    ("judged", "there", "complete", "is_over"),
    [
        ({b"orders"}, {b"orders"}, False, True),  # looked into, and not found
        (set(), {b"orders"}, True, False),  # not looked into yet
        (set(), set(), False, False),  # not met yet
        (set(), set(), True, True),  # it does not exist
    ],
)
def test_what_was_open_is_over_when_that_was_seen(
    started: Ledger, judged: set[bytes], there: set[bytes], complete: bool, is_over: bool
) -> None:
    started.settle(judged, there, NOW, complete=complete)
    assert [*started.changes().cleared] == ([STUCK.identity] if is_over else [])


def test_for_two_minutes_nothing_is_over_that_rules_may_not_see_yet(started: Ledger, clock: list[int]) -> None:
    clock[0] -= 1
    started.settle({b"orders"}, {b"orders"}, NOW, complete=True)
    assert not started.changes()


def test_what_is_found_again_is_not_over(started: Ledger) -> None:
    started.note(b"orders", (STUCK,), NOW)
    started.settle({b"orders"}, {b"orders"}, NOW, complete=True)
    assert not started.changes()


# what may not be read any more ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("was_found", [True, False])
def test_what_may_not_be_read_any_more_is_not_over(started: Ledger, was_found: bool) -> None:
    """Also where that was so from the start."""
    if was_found:
        started.note(b"orders", (STUCK,), NOW)
    started.lose_sight(b"orders")
    started.settle(set(), set(), NOW, complete=True)
    assert not started.changes()
    started.note(b"orders", (), NOW)  # it may be read again, and nothing is found
    started.settle({b"orders"}, {b"orders"}, NOW, complete=True)
    assert [*started.changes().cleared] == [STUCK.identity]


# the same thing, found elsewhere -------------------------------------------------------------------------------------


def test_a_group_that_goes_on_missing_with_its_stream_is_one_incident(ledger: Ledger) -> None:
    gone = found("group_vanished")
    ledger.note(b"orders", (gone,), NOW)
    write(ledger)
    ledger.note(b"orders", (), NOW)
    ledger.note("vanished", (found("group_vanished", message="with its stream"),), NOW)
    assert not ledger.changes()
    ledger.note("vanished", (), NOW)
    assert [*write(ledger).cleared] == [gone.identity]


# what others did -----------------------------------------------------------------------------------------------------


def test_what_another_process_has_cleared_and_is_found_here_is_opened_again(ledger: Ledger) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    write(ledger)
    ledger.apply(Changes(), Written({}, {}))
    assert [*ledger.changes().opened] == [STUCK.identity]


def test_what_another_process_finds_is_for_it_to_clear(ledger: Ledger, clock: list[int]) -> None:
    """It may know what this one does not: what was there before."""
    ledger.apply(Changes(), Written({}, {STUCK.identity: recorded(STUCK)}))
    clock[0] += RULES_NEED_MS
    ledger.settle({b"orders"}, {b"orders"}, NOW, complete=True)
    assert not ledger.changes()


def test_a_change_of_an_incident_that_is_not_open_any_more_opens_it_again(ledger: Ledger) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    write(ledger)
    ledger.note(b"orders", (found("stuck", severity="stuck"),), NOW)
    ledger.apply(ledger.changes(), Written({}))
    assert [*ledger.changes().opened] == [STUCK.identity]


def test_a_mute_is_known_until_it_ends(ledger: Ledger, clock: list[int]) -> None:
    ledger.note(b"orders", (STUCK,), NOW)
    write(ledger)
    known = recorded(STUCK, mute=Mute(NOW + MINUTE, NOW, "mira", "redeployed"))
    assert ledger.apply(Changes(), Written({}, {STUCK.identity: known})), "pages have to be read again"
    assert not ledger.apply(Changes(), Written({}, {STUCK.identity: known}))
    assert ledger.muted_now() == [STUCK.identity]
    clock[0] += MINUTE
    assert ledger.muted_now() == []
