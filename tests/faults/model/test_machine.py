"""Whatever happens while an operation runs, each entry is done once at most, and its result is what happened."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.model.house import Place
from tests.faults.model.machine import STEPS, Model

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "60"))


def test_whatever_happens_is_said_as_it_was(place: Place) -> None:
    Model.place = place
    rules = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Model, settings=rules)
