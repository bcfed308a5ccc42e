"""How long looking and acting may take, and what is done while a reply is on its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from dashboard.streams.errors import Unreachable

READ_TIMEOUT = 0.8
"""Seconds to connect, and to wait for one round trip of a page. Three of them fit into the 2.5 s a page may take."""
WRITE_TIMEOUT = 5.0
"""Seconds to wait for the reply to a write before its outcome is unknown."""
PAGE_DEADLINE = 2.4
"""Seconds that all reads of a page may take together."""
COOLDOWN = 1.0
"""Seconds during which a server that did not answer is not asked again."""


@dataclass(slots=True)
class _Deadline:
    """`left`: seconds that may still be spent waiting for servers."""

    left: float


_deadline: ContextVar[_Deadline | None] = ContextVar("_deadline", default=None)


def deadline_passed() -> bool:
    found = _deadline.get()
    return found is not None and found.left < READ_TIMEOUT


def check() -> None:
    """Raises Unreachable when no round trip can end within the deadline."""
    if deadline_passed():
        raise Unreachable("The server is too slow: there was no time left to read this.")


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Within it no read begins a round trip that may wait for longer than what is left of that: Unreachable.

    What counts is the time spent waiting for servers, whichever, and not our own: what a process does for its first
    requests (imports, templates), and what it does while the machine is busy, says nothing of a server.
    """
    token = _deadline.set(_Deadline(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def waiting() -> Iterator[None]:
    """A round trip: what it takes counts."""
    found, began = _deadline.get(), time.monotonic()
    try:
        yield
    finally:
        if found is not None:
            found.left -= time.monotonic() - began


_task: ContextVar[list[Callable[[], None]] | None] = ContextVar("_task", default=None)


@contextmanager
def meanwhile(task: Callable[[], None]) -> Iterator[None]:
    """Within it the writer calls `task` once, while the server works on what was sent.

    The task must not raise: whether the write was done has nothing to do with it.
    """
    token = _task.set([task])
    try:
        yield
    finally:
        _task.reset(token)


def do_meanwhile() -> None:
    tasks = _task.get()
    if tasks:
        tasks.pop()()


_before: ContextVar[Callable[[], None] | None] = ContextVar("_before", default=None)


@contextmanager
def before_each_trip(task: Callable[[], None]) -> Iterator[None]:
    """Within it the sync reader and the writer call `task` before each round trip; if it raises, nothing is sent."""
    token = _before.set(task)
    try:
        yield
    finally:
        _before.reset(token)


def do_before() -> None:
    task = _before.get()
    if task:
        task()
