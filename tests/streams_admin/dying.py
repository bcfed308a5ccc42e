"""Processes that end at the worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.utils import timezone

from dashboard.streams.links import Writer
from streams_admin.models import Operation, Plan
from streams_admin.operations import start, state
from streams_admin.operations.lease import leases
from streams_admin.operations.lease.here import Here

ROOT = Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """As if the process had ended here: nothing in the product catches it."""


@contextmanager
def dies_at(step: int) -> Iterator[list[str]]:
    """The process ends at the given step (from 1): before or after any save, before or after any write.

    Yields the steps that were reached.
    """
    reached: list[str] = []

    def now(what: str) -> None:
        reached.append(what)
        if len(reached) == step:
            raise Killed(what)

    save, write = _between(state.save, "save", now), _between(Writer._trip, "write", now)
    with patch.object(state, "save", save), patch.object(Writer, "_trip", write):
        yield reached


def _between(told: Callable[..., Any], what: str, now: Callable[[str], None]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        now(f"before {what}")
        answer = told(*args, **kwargs)
        now(f"after {what}")
        return answer

    return call


def dies_while(command: Callable[[tuple[Any, ...]], bool], around: str) -> AbstractContextManager[object]:
    """The process ends right "before" or "after" it sends such a command."""
    told = Writer._trip

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        if not any(command(words) for words in commands):
            return told(writer, connection, commands)
        if around == "after":
            told(writer, connection, commands)
        raise Killed

    return patch.object(Writer, "_trip", each)


def orphan() -> None:
    """As if the runners of all running operations had not been seen for a while."""
    Operation.objects.filter(state="running").update(heartbeat_at=timezone.now() - 2 * start.ORPHANED)


def finish() -> None:
    """What the background of another process does, until nothing is left to do."""
    with in_another_process():
        orphan()
        while start.work_once():
            orphan()


@contextmanager
def in_another_process() -> Iterator[None]:
    """What is run within is not of this process."""
    with patch.object(leases, "here", return_value=Here()), patch.object(start, "RUNNER", "elsewhere:1"):
        yield


_PROGRAM = """
import os, signal, django
django.setup()
from dashboard.streams.links import Writer
from streams_admin.models import Plan
from streams_admin.operations import start
from tests.streams_admin.acting import ADMIN

told, left = Writer._trip, [{writes}]
def trip(writer, connection, commands):
    left[0] -= 1
    if not left[0] and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = told(writer, connection, commands)
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
Writer._trip = trip

plan = Plan.objects.get(pk="{plan}")
start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
while start.work_once():
    pass
"""


def run_until_killed(plan: Plan, database: Path, redis_url: str, *, writes: int, before: bool = False) -> None:
    """Another process on the same database runs the plan, and is killed right after, or before, its n-th write."""
    environment = {**os.environ, "DATA_DIR": str(database.parent), "REDIS_URL": redis_url}
    environment["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    program = _PROGRAM.format(plan=plan.pk, writes=writes, before=before)
    ended = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
