"""How gently an operation treats the watched server while its duty cycle is limited.

A batch is read and done in pieces, each about as long as a request takes to get to the server and back: who asks
meanwhile waits about once more for what it waits for anyhow. Between two pieces the operation rests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from dashboard.streams.links import Server
from streams_admin.actions.context import BATCH
from streams_admin.actions.reads.pending import CLOCK

FIRST, LEAST = 5, 3
"""Entries of the first piece, when it is not known yet what one costs, and of the smallest one."""
LOOKS = 3
"""Requests that are sent to measure the way: the shortest counts."""
FORGET = 1.05
"""By how much an entry may be dearer than the cheapest so far: a piece that was held up by others says little."""


class Pace:
    """Of one operation, in reading or in acting. `way`: seconds that a request takes to the server and back."""

    def __init__(self, way: float) -> None:
        self._way, self._cost = way, 0.0

    def size(self) -> int:
        """Entries of the next piece."""
        return max(LEAST, min(BATCH, int(self._way / self._cost))) if self._cost else FIRST

    def took(self, seconds: float, entries: int) -> None:
        """What a piece has cost. One that was done without asking the server says nothing."""
        if seconds < self._way / 2:
            return
        cost = max(seconds - self._way, seconds / 10) / entries
        self._cost = min(cost, self._cost * FORGET) if self._cost else cost


@dataclass(frozen=True, slots=True)
class Paces:
    """Of one operation."""

    reading: Pace
    acting: Pace


@lru_cache(maxsize=8)
def paces_of(operation: UUID, server: Server) -> Paces:
    """As this process has come to know them. Raises StreamError."""
    way = min(_took(server) for _ in range(LOOKS))
    return Paces(Pace(way), Pace(way))


def _took(server: Server) -> float:
    began = time.perf_counter()
    server.run(CLOCK)
    return time.perf_counter() - began


@contextmanager
def behind_others() -> Iterator[None]:
    """This thread lets go first whoever else wakes up on its processor: the watched server may run on it as well.

    Where the system knows no such thing, or does not allow it, nothing is different.
    """
    stepped_back = _step("SCHED_OTHER", "SCHED_BATCH")
    try:
        yield
    finally:
        if stepped_back:
            _step("SCHED_BATCH", "SCHED_OTHER")


def _step(now: str, then: str) -> bool:
    """From one scheduling policy to another; False when it is a different one, or stays."""
    try:
        if os.sched_getscheduler(0) != getattr(os, now):
            return False
        os.sched_setscheduler(0, getattr(os, then), os.sched_param(0))
    except (AttributeError, OSError):  # not every system has it, and musl only says that it has
        return False
    return True


def aged(work: Iterable[Any], ms: int) -> list[Any]:
    """Pending entries as they are when nobody has touched them for `ms` since they were read.

    The idle time is what XCLAIM compares with: it must not let pass what was touched since.
    """
    return [[ids, who, deliveries, idle_ms + ms, *more] for ids, who, deliveries, idle_ms, *more in work]


def divided(work: Iterable[Any], size: Callable[[], int]) -> Iterator[list[Any]]:
    """The work in pieces; `size` is asked before each how many entries it has."""
    piece: list[Any] = []
    room = size()
    for ids, *held in work:
        left = ids.split()
        while left:
            piece.append([" ".join(left[:room]), *held])
            left, room = left[room:], room - min(room, len(left))
            if not room:
                yield piece
                piece, room = [], size()
    if piece:
        yield piece
