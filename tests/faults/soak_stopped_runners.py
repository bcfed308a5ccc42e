"""Processes that are stopped (SIGSTOP) while they run an operation, taken over, and go on: nothing is done twice.

Who was stopped may stand right before a write that the other one has done meanwhile. It writes no more, or its write
finds nothing left to do; and it counts nothing. Run by `make soak`, not by `make test`: two that are stopped and go
on may take over from each other for minutes, and one that is quick ends before it is stopped.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import start as operations
from tests import world
from tests.conftest import Configure
from tests.faults.runners import Runners
from tests.faults.test_killed_operations import COPY, HERO, OF_GROUP, claimed, copied, moved
from tests.streams_admin.acting import ADMIN, planned

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ENTRIES, STOPS = 9_000, 4
ORPHANED_MS = 800
"""More than a runner sleeps before it looks what came of a batch: else two of them would take over from each other."""
MOST_SAVES = 3
MOST_WAIT = 0.005
TAKEN_OVER_WITHIN = 3.0


@pytest.fixture
def pending(server: Server, redis_client: redis.Redis) -> redis.Redis:
    world.add(redis_client, world.STREAM, ENTRIES)
    world.hand_out(redis_client, world.STREAM, world.GROUP, ENTRIES, consumers=4)
    return redis_client


@pytest.fixture
def pair(real_database: Path, redis_url: str, configure: Configure) -> Iterator[list[Runners]]:
    configure(data_dir=real_database.parent)
    with ExitStack() as stack:
        yield [stack.enter_context(Runners(real_database, redis_url, ORPHANED_MS)) for _ in range(2)]


def leapfrog(operation: Operation, pair: list[Runners]) -> None:
    """One of them works and is stopped at a random moment, the other takes over and is stopped, and so on.

    Who is stopped in the middle of a save keeps SQLite's lock: then nobody can take over until it goes on.
    """
    working, stopped = pair
    working.start()
    working.saves(random.randint(1, MOST_SAVES))
    stopped.start()
    stopped.stop()
    for _ in range(STOPS):
        time.sleep(random.uniform(0, MOST_WAIT))
        working.stop()
        working, stopped = stopped, working
        lease, until = lease_of(operation), time.monotonic() + TAKEN_OVER_WITHIN
        working.go_on()
        while lease_of(operation) == lease and not operation.over and time.monotonic() < until:
            time.sleep(0.01)
    stopped.go_on()


def lease_of(operation: Operation) -> int:
    operation.refresh_from_db()
    return operation.lease


def acknowledged(client: redis.Redis, entries: int) -> None:
    assert client.xpending(world.STREAM, world.GROUP)["pending"] == 0
    assert client.xlen(world.STREAM) == entries


def deleted(client: redis.Redis, entries: int) -> None:
    assert client.xlen(world.STREAM) == 0


CASES: dict[str, tuple[dict[str, Any], Callable[[redis.Redis, int], None]]] = {
    "claim": ({**OF_GROUP, "to": to_path(HERO), "bump": True}, claimed),
    "ack": (OF_GROUP, acknowledged),
    "dead_letter": (OF_GROUP, moved),
    "replay": ({"filter": {}, "to": to_path(COPY)}, copied),
    "delete": ({"filter": {}}, deleted),
}


@pytest.mark.parametrize("slug", CASES)
def test_stopped_and_taken_over_each_entry_is_done_exactly_once(
    slug: str, pending: redis.Redis, pair: list[Runners]
) -> None:
    params, check = CASES[slug]
    plan = planned(slug, params, key=world.STREAM)
    operation = operations.begin(ADMIN, plan, confirm=plan.preview["confirm"], duty=100)
    leapfrog(operation, pair)
    assert [runners.ended() for runners in pair] == [0, 0]
    operation.refresh_from_db()
    assert (operation.state, operation.error, operation.results) == ("done", "", {"done": ENTRIES})
    assert operation.lease > 2, "it was taken over"
    check(pending, ENTRIES)
    assert list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True)) == ["started", "done"]
