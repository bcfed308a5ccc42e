"""A large operation leaves the watched server alone for most of the time."""

from __future__ import annotations

import pytest

from dashboard.config.options import Options
from streams_admin.models import Operation
from streams_admin.operations import pacing, state


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(state.time, "sleep", found.append)
    return found


@pytest.mark.parametrize(("duty", "rest"), [(25, 0.3), (50, 0.1), (10, 0.9)])
def test_it_rests_so_that_a_batch_is_no_more_than_its_duty(slept: list[float], duty: int, rest: float) -> None:
    state.rest(state.Running(Operation(duty_cycle=duty), spent=0.1))
    assert slept == [pytest.approx(rest)]


def test_without_a_limit_it_does_not_rest(slept: list[float]) -> None:
    state.rest(state.Running(Operation(duty_cycle=100), spent=0.1))
    assert slept == []


def test_it_never_rests_so_long_that_it_counts_as_gone(slept: list[float]) -> None:
    state.rest(state.Running(Operation(duty_cycle=1), spent=10.0))
    assert slept == [state.LONGEST_REST]


def test_what_we_did_ourselves_meanwhile_was_a_rest_for_the_server(slept: list[float]) -> None:
    """0.1 s of the server's time at 50 % are 0.2 s; 0.15 of them have passed."""
    running = state.Running(Operation(duty_cycle=50), spent=0.1)
    running.rested -= 0.15
    state.rest(running)
    assert slept == [pytest.approx(0.05, abs=0.01)]
    running.spent, running.rested = 0.1, running.rested - 9.0
    state.rest(running)
    assert len(slept) == 1


def test_the_first_of_it_needs_no_rest(slept: list[float]) -> None:
    running = state.Running(Operation(duty_cycle=50), free=pacing.LEAST_SERVED)
    for _ in range(5):
        running.spent = 0.01
        state.rest(running)
    assert (slept, running.free) == ([], pytest.approx(0))
    running.spent = 0.01
    state.rest(running)
    assert slept == [pytest.approx(0.01, abs=0.005)]


def test_the_default_is_half_of_the_time() -> None:
    assert Options().operation_duty == 50
