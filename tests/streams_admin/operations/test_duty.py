"""A large operation leaves the watched server alone for most of the time."""

from __future__ import annotations

import pytest

from streams_admin.models import Operation
from streams_admin.operations import state


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
