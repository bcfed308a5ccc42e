"""Who migrates which database, and what is said when nobody did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from dashboard.management import database
from tests.serving import ROOT


@pytest.fixture
def postgresql(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A database that is not embedded and not migrated. Returns the commands that were called."""
    called: list[str] = []
    monkeypatch.setattr(database, "is_embedded", lambda _: False)
    monkeypatch.setattr(database, "unmigrated", lambda: True)
    monkeypatch.setattr(database, "call_command", lambda name, **_: called.append(name))
    return called


def test_a_postgresql_that_is_not_migrated_is_refused(postgresql: list[str]) -> None:
    with pytest.raises(CommandError, match=r"^The database is not migrated: run streamgauge migrate\.$"):
        database.prepare()
    assert postgresql == []


def test_it_is_migrated_when_that_is_said(postgresql: list[str]) -> None:
    database.prepare(migrate=True)
    assert postgresql == ["migrate"]


@pytest.mark.django_db
def test_the_database_of_the_tests_is_migrated() -> None:
    assert not database.unmigrated()


PROBING = """
import json, django
django.setup()
from django.core.management import call_command
from django.test import Client
probe = Client()
def answer():
    found = probe.get("/readyz")
    return [found.status_code, found.content.decode()]
before = answer()
call_command("migrate", verbosity=0)
print(json.dumps([before, answer()]))
"""


def test_a_process_is_ready_once_its_database_is_migrated(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    probing = [sys.executable, "-c", PROBING]
    answers = json.loads(subprocess.check_output(probing, cwd=ROOT, env=environment, text=True))
    assert answers == [[503, "not migrated: run streamgauge migrate\n"], [200, "ready\n"]]
