"""Who runs an operation keeps it while it lives, by the database's clock, and is not taken over in its own process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.db import connections
from django.utils import timezone

from dashboard.streams.links import Writer
from dashboard.streams.names import to_path
from streams_admin.models import Operation
from streams_admin.operations import loop, start
from tests.dashboard.streams.seeding import KEY, fill, group
from tests.streams_admin.acting import ADMIN, every_trip, of_group, pending, planned, run, without_scripts
from tests.streams_admin.dying import Killed, dies_at, in_another_process, orphan
from tests.streams_admin.recipes import HELPER

pytestmark = pytest.mark.django_db


@contextmanager
def held_up(seconds: float = 30.0) -> Iterator[tuple[threading.Event, threading.Event]]:
    """The next write waits: for the second event, after it has set the first."""
    told, reached, on = Writer._trip, threading.Event(), threading.Event()

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        if not reached.is_set():
            reached.set()
            assert on.wait(seconds)
        return told(writer, connection, commands)

    with patch.object(Writer, "_trip", each):
        yield reached, on


def at_work() -> threading.Thread:
    def work() -> None:
        start.work_once()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_in_its_own_process_nobody_takes_over_who_is_held_up(real_database: Path, many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("claim", of_group(to=to_path(HELPER), bump=True)))
    with held_up() as (reached, on):
        thread = at_work()
        assert reached.wait(10)
        orphan()
        assert start.work_once() is False
        on.set()
        thread.join()
    run_on(operation)
    assert operation.results == {"done": 1200}
    assert {count for _, _, count in pending(many).values()} == {2}


def run_on(operation: Operation) -> None:
    operation.refresh_from_db()
    while not operation.over:
        assert start.work_once()
        operation.refresh_from_db()


def test_another_process_takes_over_who_is_held_up_and_that_one_saves_nothing_more(
    real_database: Path, many: redis.Redis
) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    with held_up() as (reached, on):
        thread = at_work()
        assert reached.wait(10)
        orphan()
        with in_another_process():
            assert start.work_once()
            run_on(operation)
        on.set()
        thread.join()
    operation.refresh_from_db()
    assert (operation.state, operation.results, operation.runner) == ("done", {"done": 1200}, "")


@pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(days=-1)])
def test_a_process_whose_clock_is_wrong_takes_nobody_over(
    many: redis.Redis, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    start.begin(ADMIN, planned("ack", of_group()))
    with pytest.raises(Killed), dies_at(3):
        start.work_once()
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + ahead)
    with in_another_process():
        assert start.work_once() is False, "its runner was seen a moment ago"
        monkeypatch.setattr(start, "ORPHANED", timedelta(milliseconds=10))
        time.sleep(0.05)
        assert start.work_once(), "it has not been seen since"


def test_entries_that_are_done_one_by_one_show_that_the_runner_lives(
    redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without scripts each entry takes several round trips, which may be long ones."""
    monkeypatch.setattr(loop, "HEARTBEAT_EVERY", 0.0)
    fill(redis_client, 5)
    group(redis_client, read=5)
    without_scripts(redis_client, redis_url)
    plan, seen = planned("dead_letter", of_group()), list[Any]()

    def note(commands: Any) -> None:
        if commands[0][0] == "WATCH":
            seen.extend(Operation.objects.values_list("heartbeat_at", flat=True))
        time.sleep(0.002)  # the database's clock counts milliseconds

    with every_trip(note):
        operation = run(plan)
    assert operation.results == {"done": 5}
    assert len(set(seen)) == 5
    assert redis_client.xlen(KEY + b":dlq") == 5
