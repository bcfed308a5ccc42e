"""Runners as threads that move only when they are moved: each stops before whatever it sends to Redis, and before and
after each save.

One moves at a time, so a run is the same each time it is repeated. A runner that is not moved is one that is stopped
(SIGSTOP, a paused machine, a slow disk); one that is killed goes no further than where it stands.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import redis
from django.db import connections, transaction
from django.utils import timezone

from dashboard.streams.links import Writer
from streams_admin.operations import loop, start, state
from streams_admin.operations.lease import leases
from streams_admin.operations.lease.here import Here
from tests.faults.model.wire import Fate, Wire
from tests.streams_admin.dying import Killed

LATEST = 60.0
"""Seconds within which a runner that was moved reaches its next stop."""
NEVER = 1e9
GREETING = {b"HELLO", b"CLIENT", b"AUTH", b"SELECT"}
"""Commands that are sent while a connection is made or ended."""
_NAME = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Z]+)\r\n")


@dataclass(frozen=True)
class Stop:
    """Where a runner stands: before a "read", before a "write", or around a "save"."""

    kind: str
    names: tuple[bytes, ...] = ()


class Actor:
    """One runner, as if it were a process of its own. `move` returns when it has reached its next stop, or its end.

    `forbidden`: when it began, the operation was no longer allowed. `skew`: seconds by which its clock is ahead.
    `dies_in`: which statement from now on, within a transaction of our database, it does not live to send; 0: none.
    """

    def __init__(
        self, name: str, wire: Wire, work: Callable[[], object], *, forbidden: bool = False, skew: float = 0.0
    ) -> None:
        self.name, self._wire, self._work, self.forbidden = name, wire, work, forbidden
        self.skew, self.dies_in = skew, 0
        self.here = Here()
        self.at: Stop | None = None
        self.over = False
        self.killed = False
        self.error: BaseException | None = None
        self._fate: Fate | None = "pass"
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def move(self, fate: Fate = "pass", *, paused: bool = False) -> None:
        """On to the next stop. `fate`: of the request it stands before. `paused`: its clock has gone on meanwhile."""
        assert not self.over
        self._fate = fate
        self._on(paused=paused)

    def kill(self) -> None:
        self._fate, self.killed = None, True
        self._on(paused=False)
        assert self.over

    def _on(self, *, paused: bool) -> None:
        loop.HEARTBEAT_EVERY, loop.FRESH_FOR = (0.0, 0.0) if paused else (NEVER, NEVER)
        start.RUNNER = f"{self.name}:1"
        self._go.release()
        assert self._back.acquire(timeout=LATEST), f"{self.name} is stuck behind {self.at}"
        if self.over:
            self._thread.join(LATEST)

    def _run(self) -> None:
        _stage.actor = self
        self._go.acquire()
        try:
            with transaction.get_connection().execute_wrapper(self._statement):
                self._work()
        except Killed:
            pass
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()
            self.over, self.at = True, None
            self._back.release()

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Around each of our database. Raises Killed."""
        if self.dies_in and context["connection"].in_atomic_block:
            self.dies_in -= 1
            if not self.dies_in:
                self.killed = True
                raise Killed
        return execute(sql, params, many, context)

    def stop(self, where: Stop, port: int | None = None) -> None:
        """Called in its thread, where it stops. Raises Killed."""
        self.at = where
        self._back.release()
        self._go.acquire()
        if self._fate is None:
            raise Killed
        if port is not None and self._fate != "pass":
            self._wire.choose(port, self._fate)
        self._fate = "pass"


class _Stage(threading.local):
    actor: Actor | None = None
    writing: bool = False


_stage = _Stage()


def _send(told: Callable[..., Any]) -> Callable[..., Any]:
    def send(connection: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        actor, names = _stage.actor, tuple(_NAME.findall(_joined(command)))
        if actor and connection._sock is not None and not GREETING & set(names):
            port = connection._sock.getsockname()[1]
            writing, _stage.writing = _stage.writing, False  # what is read meanwhile is no write
            actor.stop(Stop("write" if writing else "read", names), port)
        return told(connection, command, *args, **kwargs)

    return send


def _joined(command: Any) -> bytes:
    return command if isinstance(command, bytes) else b"".join(command)


def _trip(told: Callable[..., Any]) -> Callable[..., Any]:
    def trip(*args: Any) -> Any:
        _stage.writing = True
        try:
            return told(*args)
        finally:
            _stage.writing = False

    return trip


def _save(told: Callable[..., Any]) -> Callable[..., Any]:
    def save(*args: Any, **kwargs: Any) -> Any:
        _pause_at_save()
        answer = told(*args, **kwargs)
        _pause_at_save()
        return answer

    return save


def _pause_at_save() -> None:
    """Not within a transaction: who is stopped there keeps the lock of the database, and nobody else goes on. Who is
    killed there leaves nothing of it (`Actor.dies_in`)."""
    if _stage.actor and not transaction.get_connection().in_atomic_block:
        writing, _stage.writing = _stage.writing, False
        _stage.actor.stop(Stop("save"))
        _stage.writing = writing


def _clock(told: Callable[[], Any], unit: Any) -> Callable[[], Any]:
    """As that of the machine the runner is on. `unit`: a second."""

    def now() -> Any:
        return told() + (_stage.actor.skew if _stage.actor else 0.0) * unit

    return now


def _here() -> Here:
    return _stage.actor.here if _stage.actor else Here()


@contextmanager
def staged() -> Iterator[None]:
    """Within it runners stop, and each is a process of its own."""
    connection = redis.connection.AbstractConnection
    with ExitStack() as stack:
        for patched in (
            patch.object(connection, "send_packed_command", _send(connection.send_packed_command)),
            patch.object(Writer, "_trip", _trip(Writer._trip)),
            patch.object(state, "save", _save(state.save)),
            patch.object(leases, "here", _here),
            patch.object(timezone, "now", _clock(timezone.now, timedelta(seconds=1))),
            patch.object(time, "time", _clock(time.time, 1.0)),
            patch.object(start, "RUNNER", start.RUNNER),
            patch.object(loop, "HEARTBEAT_EVERY", NEVER),
            patch.object(loop, "FRESH_FOR", NEVER),
        ):
            stack.enter_context(patched)
        yield
