"""Incidents in the database: they survive restarts, flap as one, and no two processes double them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from dashboard.fleet.incidents import ledger as ledgers
from dashboard.fleet.incidents import rows
from dashboard.fleet.incidents.ledger import RULES_NEED_MS, Mute
from dashboard.fleet.incidents.rows import KEPT, SAME_WITHIN, digest, named
from dashboard.models import Incident
from tests.dashboard.fleet.incidents.made import MINUTE, NOW, SERVER, Process, found
from tests.serving import ROOT

pytestmark = pytest.mark.django_db


def only() -> Incident:
    return Incident.objects.get()


def age(row: QuerySet[Incident], by: timedelta) -> None:
    """As if it had been cleared so much earlier."""
    row.update(cleared_at=F("cleared_at") - by)


def test_an_incident_is_what_was_found(django_assert_num_queries: Any) -> None:
    process = Process()
    process.finds(found(consumer=b"\xff\x00", message="\0 half \ud800"))
    row = only()
    assert named(row) == ("stuck", b"orders", b"workers", b"\xff\x00")
    assert (row.server, row.severity, row.worst, row.since_ms, row.times) == (SERVER, "late", "late", NOW - MINUTE, 1)
    assert (row.count, row.evidence, row.message) == (3, {"idle_ms": 61_000}, "� half ?")
    assert (row.cleared_at, row.muted_until) == (None, None)
    with django_assert_num_queries(0):
        process.finds(found(consumer=b"\xff\x00", message="another minute"))


def test_names_that_differ_are_other_incidents() -> None:
    process = Process()
    names = [(b"a", b"b"), (b"ab", b""), (b"", b"ab"), (b"a", None), (b"a:1", b"b")]
    process.finds(*(found(group=group, consumer=consumer) for group, consumer in names))
    assert len({digest(named(row)) for row in Incident.objects.all()}) == len(names)


def test_it_ends_with_when_and_how_long() -> None:
    process = Process()
    process.finds(found())
    process.finds(at_ms=NOW + MINUTE)
    row = only()
    assert row.lasted_ms == 2 * MINUTE
    assert row.cleared_at is not None
    assert timezone.now() - row.cleared_at < timedelta(minutes=1)


def test_the_worst_it_was_is_kept() -> None:
    process = Process()
    process.finds(found(severity="stuck"))
    process.finds(found(severity="late", message="better"))
    assert (only().severity, only().worst, only().message) == ("late", "stuck", "better")


# restarts ------------------------------------------------------------------------------------------------------------


def test_since_survives_a_restart() -> None:
    Process().finds(found())
    again = Process()
    again.finds(found(since_ms=NOW - 1000))
    assert again.ledger.since_ms(found().identity) == NOW - MINUTE
    assert (only().since_ms, only().times) == (NOW - MINUTE, 1)


def test_what_was_over_while_nobody_looked_is_cleared_by_the_next_process(monkeypatch: pytest.MonkeyPatch) -> None:
    Process().finds(found())
    again = Process()
    again.is_through(judged=[b"orders"], there=[b"orders"])
    assert only().cleared_at is None
    later = ledgers.now_ms() + RULES_NEED_MS
    monkeypatch.setattr(ledgers, "now_ms", lambda: later)
    again.is_through(judged=[b"orders"], there=[b"orders"])
    assert only().cleared_at is not None
    assert only().message == "3 entries are pending"


# flapping ------------------------------------------------------------------------------------------------------------


def test_what_comes_back_soon_is_the_same_incident() -> None:
    process = Process()
    for _ in range(3):
        process.finds(found())
        process.finds()
    process.finds(found(since_ms=NOW))
    assert (only().times, only().cleared_at, only().lasted_ms) == (4, None, None)
    assert process.ledger.since_ms(found().identity) == NOW - MINUTE


def test_what_comes_back_later_is_another_one() -> None:
    process = Process()
    process.finds(found())
    process.finds()
    age(Incident.objects.all(), SAME_WITHIN)
    process.finds(found(since_ms=NOW))
    assert sorted(Incident.objects.values_list("since_ms", "times")) == [(NOW - MINUTE, 1), (NOW, 1)]


# several processes ---------------------------------------------------------------------------------------------------


def test_two_processes_that_find_the_same_have_one_row() -> None:
    one, other = Process(), Process()
    one.finds(found())
    other.finds(found(since_ms=NOW))
    assert one.recorder.of(found().identity) == other.recorder.of(found().identity) is not None
    one.finds()
    other.finds()
    assert only().times == 1


def test_the_database_allows_one_open_incident_of_an_identity() -> None:
    Process().finds(found())
    row = only()
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.create(**{**_values(row), "cleared_at": None})
    Incident.objects.create(**{**_values(row), "cleared_at": timezone.now()})


def _values(row: Incident) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in Incident._meta.fields if field.attname != "id"}


def test_who_is_second_by_a_moment_takes_the_row_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process writes after this one has seen that there is nothing."""
    one, other = Process(), Process()
    insert: Callable[..., Any] = Incident.objects.bulk_create

    def after_the_other(made: list[Incident], **options: Any) -> list[Incident]:
        monkeypatch.undo()
        other.finds(found())
        written: list[Incident] = insert(made, **options)
        return written

    monkeypatch.setattr(
        type(Incident.objects), "bulk_create", lambda _, made, **options: after_the_other(made, **options)
    )
    one.finds(found())
    assert one.recorder.of(found().identity) == other.recorder.of(found().identity) is not None
    assert only().times == 1


WRITER = """
import json, sys, django; django.setup()
from tests.dashboard.fleet.incidents.made import Process, found
process, names = Process(), [b"%d" % n for n in range(60)]
print("ready", flush=True)
sys.stdin.readline()
for turn in range(3):
    for name in names:
        process.sees(found(stream=name, group=b"%d" % turn), place=name)
        process.recorder.record() if int(name) % 10 == 0 else None
while process.ledger.unwritten:
    process.recorder.record()
print(json.dumps([str(process.recorder.of(found(stream=name, group=b"2").identity).id) for name in names]), flush=True)
sys.stdin.readline()
"""


def test_two_processes_that_write_at_once_double_nothing(tmp_path: Path) -> None:
    """Two writers on one database file: each finds 60 things, three times others in their place."""
    kept = {key: os.environ[key] for key in ("PATH", "SECRET_KEY")}
    environment = {**kept, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
    writers = [_writer(environment) for _ in range(2)]
    for writer in writers:
        assert _line(writer) == "ready"
    for writer in writers:
        _go_on(writer)
    ids = [json.loads(_line(writer)) for writer in writers]
    for writer in writers:
        writer.communicate("\n", timeout=30)
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 60
    with closing(sqlite3.connect(tmp_path / "streamgauge.sqlite3")) as database:
        found = database.execute(f"SELECT cleared_at IS NULL, COUNT(*) FROM {Incident._meta.db_table} GROUP BY 1")
        assert dict(found.fetchall()) == {True: 60, False: 120}


def _writer(environment: dict[str, str]) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", WRITER], cwd=ROOT, env=environment, **pipes)


def _line(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    return writer.stdout.readline().strip()


def _go_on(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()


# muting --------------------------------------------------------------------------------------------------------------


def muted(process: Process) -> bool:
    known = process.recorder.of(found().identity)
    return known is not None and known.is_muted


def mute(hours: float = 1) -> None:
    until = int((timezone.now() + timedelta(hours=hours)).timestamp() * 1000)
    rows.write_mute(only().pk, Mute(until, until, "mira", "redeployed"))


def look(process: Process) -> None:
    """Half a minute later."""
    process.recorder._looked_at = 0
    process.recorder.record()


def test_a_mute_of_another_process_is_seen_and_pages_are_read_again() -> None:
    process = Process()
    process.finds(found())
    mute()
    before = process.changes
    look(process)
    assert muted(process)
    assert process.changes == before + 1
    rows.write_mute(only().pk, None)
    look(process)
    assert not muted(process)
    assert process.changes == before + 2


def test_a_mute_holds_while_it_flaps_and_ends_when_it_gets_worse() -> None:
    process = Process()
    process.finds(found())
    mute()
    look(process)
    process.finds()
    process.finds(found())
    assert muted(process)
    process.finds(found(severity="stuck"))
    assert not muted(process)
    mute()
    look(process)
    process.finds(found(severity="late"))
    process.finds(found(severity="stuck"))
    assert muted(process), "it is no worse than it was when it was muted"


# a database that does not answer -------------------------------------------------------------------------------------


class OutOfOrder:
    """The rows of a database that answers nothing until `works`."""

    def __init__(self, error: Exception) -> None:
        self.works = False
        self._error = error
        self._rows = rows.Rows()

    def exchange(self, *args: Any, **options: Any) -> Any:
        if not self.works:
            raise self._error
        return self._rows.exchange(*args, **options)


def test_what_a_database_does_not_take_is_written_when_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    process.finds(found("poison"))
    out = process.recorder._rows = OutOfOrder(DatabaseError("database is locked"))
    gone_at = ledgers.now_ms()
    process.finds(found())
    process.finds(found(), found("ghosts"))
    assert process.ledger.unwritten == 3
    assert [record.getMessage() for record in caplog.records] == [
        "Incidents of default are not recorded until the database takes them: database is locked"
    ], "said once"
    out.works = True
    process.recorder.record()
    assert process.ledger.unwritten == 0
    assert sorted(Incident.objects.filter(cleared_at=None).values_list("kind", flat=True)) == ["ghosts", "stuck"]
    cleared_at = Incident.objects.get(kind="poison").cleared_at
    assert cleared_at is not None
    assert abs(cleared_at.timestamp() * 1000 - gone_at) < 5000


def test_without_the_table_rounds_go_on_and_it_is_used_once_it_is_there(caplog: pytest.LogCaptureFixture) -> None:
    table = Incident._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO kept_aside")
    process = Process()
    process.finds(found())
    assert table in caplog.text
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE kept_aside RENAME TO {table}")
    process.finds(found())
    assert only().kind == "stuck"


# what is old ---------------------------------------------------------------------------------------------------------


def test_what_was_over_long_ago_is_deleted_and_what_is_open_never_is() -> None:
    process = Process()
    process.finds(found("stuck"), found("poison"), found("ghosts"))
    Incident.objects.update(opened_at=timezone.now() - 2 * KEPT)
    process.finds(found("stuck"))
    age(Incident.objects.filter(kind="poison"), KEPT)
    Process()
    assert sorted(Incident.objects.values_list("kind", flat=True)) == ["ghosts", "stuck"]


def test_of_a_server_only_its_own_are_open() -> None:
    Process().finds(found())
    Incident.objects.update(server="another")
    assert Process().ledger.open_count == 0


def test_a_digest_stays_what_it_is() -> None:
    """Else every open incident would be opened again by the next version."""
    of_group, of_server = found().identity, found(stream=None, group=None).identity
    assert digest(of_group) == "3d2b22d35e431a59c8bf3323e8629b07b724512e1498ecea00b2a3b4a12f1feb"
    assert digest(of_server) == "840e1323a32c4b1f54554dd8aa780e7098b534a457d2118277d7f7285bb43c24"
