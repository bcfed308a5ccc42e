"""The model for as long as one likes: `make soak`. Prints how far it is; ends at the first failure, with its seed and
what was done.

MODEL_SECONDS: how long (600). MODEL_SEED: the first seed; each is good for CHUNK runs.
"""

from __future__ import annotations

import os
import random
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.model.house import Place
from tests.faults.model.machine import STEPS, Model

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

CHUNK = 20
SECONDS = float(os.environ.get("MODEL_SECONDS", "600"))
FIRST = int(os.environ.get("MODEL_SEED", random.randrange(1_000_000)))


def test_for_a_while(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    Model.place, Model.runs = place, 0
    ends, number = time.monotonic() + SECONDS, FIRST
    rules = settings(
        max_examples=CHUNK,
        stateful_step_count=STEPS,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    while time.monotonic() < ends:
        try:
            run_state_machine_as_test(seed(number)(Model), settings=rules)
        except BaseException as error:
            error.add_note(f"MODEL_SEED={number}")
            raise
        with capsys.disabled():
            sys.stdout.write(f"seed {number}: {Model.runs} runs, none failed\n")
        number += 1
