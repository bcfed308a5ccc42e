"""Processes that run operations on a database and a server, begun in an instant and killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]

# A process that has loaded everything and forks one that works for each line it reads; it then says how that ended.
# Who works says its number, then a dot for each save: what the row of the operation says is new.
_PROGRAM = """
import os, signal, sys, time, traceback
from datetime import timedelta
import django
django.setup()
from dashboard.streams.links import Writer
from streams_admin.models import Operation
from streams_admin.operations import loop, start, state

def stand_still_before(number):
    replies, left = Writer._replies, [number]
    def each(*args):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGSTOP)
        return replies(*args)
    Writer._replies = each

def work():
    os.write(1, b"%d\\n" % os.getpid())
    start.ORPHANED, start.RUNNER = timedelta(milliseconds=int(sys.argv[1])), f"here:{os.getpid()}"
    loop.HEARTBEAT_EVERY = int(sys.argv[1]) / 8000
    save = state.save
    def saved(*args, **changes):
        save(*args, **changes)
        os.write(1, b".")
    state.save = saved
    stand_still_before(int(sys.argv[2]))
    while Operation.objects.filter(ended=None).exists():
        if not start.work_once(start.TURN):
            time.sleep(0.01)

def end():
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

for _ in sys.stdin:
    child = os.fork()
    if not child:
        end()
    os.write(1, b"%d\\n" % os.waitpid(child, 0)[1])
"""


def environment(database: Path, redis_url: str) -> dict[str, str]:
    """As the site is configured, on another database and server."""
    there = {"DATA_DIR": str(database.parent), "REDIS_URL": redis_url, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    return {**os.environ, **there}


class Runners:
    """One process after the other; a context manager that leaves none behind.

    `orphaned_ms`: after that time they take over who was not seen. `admin_url`: of the writer, if it is another one.
    `still_before`: each stops itself (SIGSTOP) right before its n-th write, when all that comes before it is done.
    """

    def __init__(
        self, database: Path, redis_url: str, orphaned_ms: int = 100, *, admin_url: str = "", still_before: int = 0
    ) -> None:
        env, pipe = {**environment(database, redis_url), "REDIS_ADMIN_URL": admin_url}, subprocess.PIPE
        command = [sys.executable, "-c", _PROGRAM, str(orphaned_ms), str(still_before)]
        self._zygote = subprocess.Popen(command, env=env, cwd=ROOT, stdin=pipe, stdout=pipe)
        self._pid: int | None = None

    def start(self) -> None:
        assert self._zygote.stdin
        assert self._zygote.stdout
        self._zygote.stdin.write(b"\n")
        self._zygote.stdin.flush()
        self._pid = int(self._zygote.stdout.readline())

    def saves(self, count: int) -> None:
        """Wait until it has saved so often."""
        assert self._zygote.stdout
        assert self._zygote.stdout.read(count) == b"." * count, "it ended by itself"

    def kill(self) -> None:
        assert self._pid
        os.kill(self._pid, signal.SIGKILL)
        assert self.ended() == signal.SIGKILL

    def stop(self) -> None:
        """It does nothing, until `go_on`; one that has ended stays ended."""
        self._signal(signal.SIGSTOP)

    def stands_still(self) -> bool:
        """Whether it was stopped, by whomever."""
        return Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._pid
        with suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def ended(self) -> int:
        """Wait for its end; 0 when all operations are over, else the signal or the exit code."""
        assert self._zygote.stdout
        status = int(self._zygote.stdout.readline().strip(b".\n"))
        self._pid = None
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._zygote.communicate(timeout=10)
