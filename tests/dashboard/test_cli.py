"""`manage.py help`: our commands with a sentence each, and all of Django's still run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import django
import pytest

from dashboard import __version__

ROOT = Path(__file__).resolve().parents[2]
OURS = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}


def run(tmp_path: Path, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **changed}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [["--help"], ["help"], []])
def test_help_lists_our_commands_and_only_ours(words: list[str], tmp_path: Path) -> None:
    ended = run(tmp_path, *words)
    listed = dict(re.findall(r"^  (\w+) +([A-Z].*\.)$", ended.stdout, re.MULTILINE))
    assert ended.returncode == 0
    assert listed.keys() == OURS
    assert max(map(len, ended.stdout.splitlines())) <= 120


def test_without_the_actions_theirs_are_not_listed(tmp_path: Path) -> None:
    ended = run(tmp_path, "help", STREAMGAUGE_VIEWER_ONLY="true")
    assert ("  serve " in ended.stdout, "  act " in ended.stdout) == (True, False)


@pytest.mark.parametrize("command", ["create_user", "migrate", "changepassword", "shell"])
def test_help_describes_one_command(command: str, tmp_path: Path) -> None:
    ended = run(tmp_path, "help", command)
    assert (ended.returncode, ended.stdout.startswith(f"usage: manage.py {command} ")) == (0, True)


def test_commands_of_django_run(tmp_path: Path) -> None:
    assert run(tmp_path, "check").stdout.startswith("System check identified no issues")
    assert run(tmp_path, "migrate", "--check").returncode == 1, "nothing is migrated yet"


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_ours(words: list[str], tmp_path: Path) -> None:
    assert run(tmp_path, *words).stdout == f"Streamgauge {__version__} (Django {django.get_version()})\n"


def test_completion_knows_all(tmp_path: Path) -> None:
    assert {*OURS, "migrate", "check"} <= {*run(tmp_path, "help", "--commands").stdout.split()}


def test_a_wrong_value_is_said_instead_of_a_list(tmp_path: Path) -> None:
    ended = run(tmp_path, "help", LATE_AFTER="soon")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Streamgauge cannot start: LATE_AFTER is 'soon'; allowed: ")
    assert ended.stderr.count("\n") == 1
