"""Our own database is locked, or the disk full, in the middle of an operation: it ends as what was done, once each.

What another client finds on the server is what the operation says in the end. Nothing is done that was not saved.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, connection
from django.urls import reverse

from dashboard.streams.links import Server, Writer
from streams_admin import plans
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import results, start
from tests.conftest import Configure
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.faults.test_late_writes import BATCH, CASES, COUNT
from tests.people import person, signed_in
from tests.streams_admin.acting import ADMIN, planned
from tests.streams_admin.actions.test_contract import world
from tests.streams_admin.dying import finish, in_another_process
from tests.streams_admin.recipes import HELPER

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

Trouble = Callable[[Path], AbstractContextManager[object]]


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """For longer than anybody waits for it: as 25 s are for 5."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=100")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def no_pages_left(database: Path) -> Iterator[None]:
    """SQLITE_FULL: "database or disk is full"."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count=1")  # no less than it has
        cursor.execute("CREATE TABLE ballast (page BLOB)")
        with suppress(OperationalError):  # until the pages that were free are taken
            while True:
                cursor.execute("INSERT INTO ballast VALUES (zeroblob(4000))")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count=1000000")
            cursor.execute("DROP TABLE ballast")


@contextmanager
def no_file_grows(database: Path) -> Iterator[None]:
    """What a write gets that the system refuses: "disk I/O error"."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


TROUBLES: dict[str, Trouble] = {"locked": locked, "full": no_pages_left, "refused": no_file_grows}


@pytest.fixture
def seeded(real_database: Path, configure: Configure, server: Server, redis_client: redis.Redis) -> redis.Redis:
    configure(data_dir=real_database.parent)
    fill(redis_client, COUNT)
    group(redis_client, read=COUNT)
    return redis_client


@contextmanager
def at_a_write(number: int, around: str, begins: Callable[[], object]) -> Iterator[None]:
    """`begins` is called "before" or "after" the n-th round trip of the writer."""
    trip, left = Writer._trip, [number]

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and around == "before":
            begins()
        replies = trip(writer, connection, commands)
        if left[0] == 0 and around == "after":
            begins()
        return replies

    with patch.object(Writer, "_trip", each):
        yield


def beginning(trouble: str, database: Path, stack: ExitStack) -> Callable[[], object]:
    """What begins the trouble, which ends with the stack."""
    return lambda: stack.enter_context(TROUBLES[trouble](database))


def work() -> None:
    while start.work_once():
        pass


def plan_of(slug: str) -> Any:
    return planned(slug, CASES[slug][0])


@pytest.mark.parametrize(
    ("slug", "trouble", "around"),
    [
        ("ack", "locked", "after"),
        ("claim", "locked", "after"),
        ("dead_letter", "full", "after"),
        ("replay", "refused", "after"),
        ("delete", "locked", "before"),
        ("delete", "full", "after"),
        ("delete", "refused", "before"),
    ],
)
def test_in_the_background_it_goes_on_once_the_trouble_is_over(
    slug: str, trouble: str, around: str, seeded: redis.Redis, real_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it lasts, who takes the operation over gets no further either."""
    plan = plan_of(slug)
    operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
    assert operation.state == "queued"
    with ExitStack() as stack:
        with at_a_write(2, around, beginning(trouble, real_database, stack)), pytest.raises(DatabaseError):
            work()
        said = world(seeded)
        monkeypatch.setattr(start, "ORPHANED", timedelta(milliseconds=1))
        with in_another_process(), suppress(DatabaseError):
            work()
        assert trouble == "full" or world(seeded) == said, "nothing is done that cannot be saved"
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.error, operation.results) == ("done", "", {"done": COUNT})
    assert CASES[slug][1](seeded)
    assert list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True)) == ["started", "done"]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_cannot_be_written_down_does_not_begin(trouble: str, seeded: redis.Redis, real_database: Path) -> None:
    plan, before = plan_of("delete"), world(seeded)
    with TROUBLES[trouble](real_database), pytest.raises(DatabaseError):
        start.begin(ADMIN, plan, confirm=plan.preview["confirm"], reason="for a page that is not there " * 1000)
    assert world(seeded) == before
    assert (Operation.objects.count(), AuditEntry.objects.count()) == (0, 0)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_within_a_request_another_finds_out_what_was_done(
    trouble: str, seeded: redis.Redis, real_database: Path
) -> None:
    plan = plan_of("delete")
    with ExitStack() as stack, at_a_write(1, "after", beginning(trouble, real_database, stack)):
        operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
        assert (operation.state, operation.results, seeded.xlen(KEY)) == ("running", {}, COUNT - BATCH)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("done", {"done": COUNT})


def test_the_page_says_that_it_runs(seeded: redis.Redis, real_database: Path) -> None:
    plan, anna = planned("delete", {"ids": ["1-0"]}), signed_in(person("anna", "admin"))
    with ExitStack() as stack, at_a_write(1, "after", beginning("locked", real_database, stack)):
        answer = anna.post(reverse("plan", args=[plans.token(plan)]), {"confirm": plan.preview["confirm"]})
        page = anna.get(answer["Location"]).content.decode()
    assert "Running" in page
    finish()
    assert ">Done<" in anna.get(answer["Location"]).content.decode()


def test_the_command_line_says_who_goes_on(seeded: redis.Redis, real_database: Path) -> None:
    person("anna", "admin")
    words = [
        f"group={os.fsdecode(GROUP)}",
        f"filter.consumer={os.fsdecode(WORKER)}",
        f"to={os.fsdecode(HELPER)}",
        "bump=true",
    ]
    with (
        ExitStack() as stack,
        at_a_write(3, "after", beginning("locked", real_database, stack)),
        pytest.raises(CommandError, match=r"\(database is locked\)\. Once it does, operation") as ended,
    ):
        call_command("act", "claim", stream=os.fsdecode(KEY), who="anna", param=words, yes=True)
    operation = Operation.objects.get()
    assert str(operation.pk) in str(ended.value)
    assert operation.state == "running"
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("done", {"done": COUNT})
    assert CASES["claim"][1](seeded)


def test_a_full_disk_leaves_results_out_of_the_file_and_not_out_of_the_counts(
    seeded: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a device that is full answers, for a while."""

    def full(path: Path, lines: bytes) -> None:
        with Path("/dev/full").open("ab", buffering=0) as device:
            device.write(lines)

    plan = plan_of("delete")
    operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
    with caplog.at_level(logging.WARNING), monkeypatch.context() as patched:
        patched.setattr(results, "_append", full)
        assert start.work_once()
    assert "No space left on device" in caplog.text
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results, seeded.xlen(KEY)) == ("done", {"done": COUNT}, 0)
    last = json.loads(b"".join(results.read(operation)).splitlines()[-1])
    assert last["not_named"] > 0
    assert last["named"] + last["not_named"] == COUNT
