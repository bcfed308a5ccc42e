"""Processes killed with SIGKILL while they run an operation, between and in the middle of batches: nothing gets lost,
nothing is done twice, and the counts tell what happened.

KILL_ENTRIES=1000000 runs it at full size.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.demo.embedded import free_port
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import results
from streams_admin.operations import start as operations
from tests import world
from tests.conftest import Configure
from tests.faults.runners import ROOT, Runners, environment
from tests.streams_admin.acting import ADMIN, planned

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ENTRIES = int(os.environ.get("KILL_ENTRIES", "60000"))
KILLS = 8
MOST_SAVES = 6
"""One makes a batch: with what is done in MOST_WAIT, all the kills come before the end, 120 batches away."""
MOST_WAIT = 0.005
"""Seconds."""
HERO, COPY = b"hero", b"orders:again"
OF_GROUP: dict[str, Any] = {"group": to_path(world.GROUP), "filter": {}}


@pytest.fixture
def pending(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """ENTRIES entries, all of them pending with some consumers."""
    world.add(redis_client, world.STREAM, ENTRIES)
    world.hand_out(redis_client, world.STREAM, world.GROUP, ENTRIES, consumers=4)
    return redis_client


@pytest.fixture
def runners(real_database: Path, redis_url: str, configure: Configure) -> Iterator[Runners]:
    configure(data_dir=real_database.parent)
    with Runners(real_database, redis_url) as found:
        yield found


def run_with_kills(slug: str, params: dict[str, Any], runners: Runners) -> Operation:
    """Begun here, and continued by one process after the other; all but the last are killed at a random moment."""
    operation = operations.begin(ADMIN, planned(slug, params, key=world.STREAM), duty=100)
    for _ in range(KILLS):
        runners.start()
        runners.saves(random.randint(1, MOST_SAVES))
        time.sleep(random.uniform(0, MOST_WAIT))
        runners.kill()
    operation.refresh_from_db()
    assert not operation.over, "every kill hit a process at work"
    runners.start()
    assert runners.ended() == 0
    operation.refresh_from_db()
    return operation


def all_of(client: redis.Redis, key: bytes) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    start = b"-"
    while page := client.xrange(key, start, "+", count=5000):
        yield from page
        start = b"(" + page[-1][0]


def held(client: redis.Redis) -> Iterator[dict[str, Any]]:
    start = b"-"
    while page := client.xpending_range(world.STREAM, world.GROUP, start, "+", 5000):
        yield from page
        start = b"(" + page[-1]["message_id"]


# What must be true of each action afterwards -------------------------------------------------------------------------


def claimed(client: redis.Redis, entries: int) -> None:
    """Each belongs to the hero, and was counted as one delivery more, not two."""
    found = Counter((row["consumer"], row["times_delivered"]) for row in held(client))
    assert found == {(HERO, world.DELIVERIES + 1): entries}


def moved(client: redis.Redis, entries: int) -> None:
    """Each has one copy, and is pending no more."""
    origins = Counter(fields[b"origin_id"] for _, fields in all_of(client, world.STREAM + b":dlq"))
    assert len(origins) == entries
    assert origins == dict.fromkeys((id_ for id_, _ in all_of(client, world.STREAM)), 1)
    assert client.xpending(world.STREAM, world.GROUP)["pending"] == 0


def copied(client: redis.Redis, entries: int) -> None:
    """Each has one copy, in its order."""
    copies = [fields[b"order"] for _, fields in all_of(client, COPY)]
    assert copies == [fields[b"order"] for _, fields in all_of(client, world.STREAM)]
    assert len(copies) == entries


@pytest.mark.parametrize(
    ("slug", "params", "check"),
    [
        ("claim", {**OF_GROUP, "to": to_path(HERO), "bump": True}, claimed),
        ("dead_letter", OF_GROUP, moved),
        ("replay", {"filter": {}, "to": to_path(COPY)}, copied),
    ],
    ids=["claim", "dead_letter", "replay"],
)
def test_killed_at_any_moment_each_entry_is_done_exactly_once(
    slug: str, params: dict[str, Any], check: Callable[[redis.Redis, int], None], pending: redis.Redis, runners: Runners
) -> None:
    operation = run_with_kills(slug, params, runners)
    assert (operation.state, operation.error) == ("done", "")
    assert (operation.results, operation.done) == ({"done": ENTRIES}, ENTRIES)
    check(pending, ENTRIES)
    assert list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True)) == ["started", "done"]
    check_file(operation)


def check_file(operation: Operation) -> None:
    """Every result is named once, or counted as not named: one batch at most for each kill."""
    *lines, last = b"".join(results.read(operation)).splitlines()
    assert len(set(lines)) == len(lines) == last_of(last)["named"]
    assert last_of(last)["named"] + last_of(last)["not_named"] == ENTRIES
    assert last_of(last)["not_named"] <= KILLS * 500


def last_of(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


# The site itself -----------------------------------------------------------------------------------------------------

FEW = 1500
RESUMED_WITHIN = 10.0


def until(what: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.05)


def serve(stack: ExitStack, database: Path, redis_url: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "serve", "--port", str(free_port()), "--until-stdin-ends"]
    env = environment(database, redis_url)
    site = subprocess.Popen(command, env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stack.callback(site.wait, 10)
    stack.callback(site.kill)
    assert site.stdout
    assert b"listens" in site.stdout.readline()
    return site


def test_another_process_of_the_site_resumes_within_ten_seconds(
    real_database: Path, server: Server, redis_client: redis.Redis, redis_url: str, configure: Configure
) -> None:
    configure(data_dir=real_database.parent)
    world.add(redis_client, world.STREAM, FEW)
    params = {"filter": {}, "to": to_path(COPY), "per_second": 400}
    with ExitStack() as stack:
        sites = {site.pid: site for site in [serve(stack, real_database, redis_url) for _ in range(2)]}
        # not before both are there: the first would be done when the second has started on a busy machine
        operation = operations.begin(ADMIN, planned("replay", params, key=world.STREAM), duty=100)
        victim = sites[_at_work(operation, sites)]
        victim.send_signal(signal.SIGKILL)
        died = timezone.now()
        until(lambda: _resumed(operation, victim.pid), RESUMED_WITHIN + 5)
        assert (operation.heartbeat_at - died).total_seconds() < RESUMED_WITHIN
        until(lambda: _reread(operation).over, 20)
    assert (operation.state, operation.results) == ("done", {"done": FEW})
    assert [fields[b"order"] for _, fields in all_of(redis_client, COPY)] == [b"A-%d" % n for n in range(FEW)]


def _reread(operation: Operation) -> Operation:
    operation.refresh_from_db()
    return operation


def _at_work(operation: Operation, sites: dict[int, Any]) -> int:
    """The number of the process that runs it."""
    until(lambda: _runner(operation) in sites, 10)
    return _runner(operation)


def _runner(operation: Operation) -> int:
    operation.refresh_from_db()
    return int(operation.runner.rpartition(":")[2] or 0)


def _resumed(operation: Operation, dead: int) -> bool:
    return _runner(operation) not in (0, dead)
