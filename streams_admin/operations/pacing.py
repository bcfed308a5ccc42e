"""How gently an operation treats the watched server while its duty cycle is limited.

Another client waits for what is being carried out when it asks, and no longer. So entries are read and done in pieces
that occupy the server for about a millisecond each, by what the pieces before have cost it. The first LEAST_SERVED
seconds of the server's time are taken without a rest; beyond them the server is left alone for the rest of the duty
cycle. What is one command per batch (a trim, a replay) has batches of such a size, whatever the duty cycle.

What a piece costs the server is not what it takes us: this process may have waited for its own processor or for another
of its threads. So the cheapest of the last pieces counts, and now and then the server itself is asked.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from dashboard.streams.errors import StreamError
from dashboard.streams.links import Server
from dashboard.streams.queries.server import ServedQuery
from streams_admin.actions.context import BATCH
from streams_admin.actions.reads.pending import CLOCK
from streams_admin.actions.work import Item

PIECE = 0.001
"""Seconds of the server's time that a piece may take."""
LEAST_SERVED = 0.05
"""Seconds of the server's time that an operation takes without a rest."""
FIRST, LEAST = 50, 5
"""Entries of the first piece, when it is not known yet what one costs, and of the smallest one."""
LOOKS = 3
"""Requests that are sent to measure the way: the shortest counts."""
REMEMBERED = 8
"""Pieces of which the cheapest counts."""
ASK_EVERY = 64
"""Pieces after which the server is asked again what one costs it; it is asked about the first one too."""
DEARER = 3
"""Times what an entry took when the server was asked: one that takes longer has the server asked about the next."""


class Pace:
    """Of one operation, in reading or in acting. `way`: seconds that a request takes to the server and back.

    `most`: entries that no piece has more of.
    """

    def __init__(self, way: float, most: int = BATCH) -> None:
        self._way = way
        self._most = most
        self._costs: deque[float] = deque(maxlen=REMEMBERED)
        self._reported: float | None = None
        self._asked_at: float | None = None
        self._count = 0

    @property
    def asks(self) -> bool:
        """Whether the server is to be asked what the next piece costs it."""
        dearer = self._asked_at is not None and self._costs[-1] > DEARER * self._asked_at
        return dearer or self._count % ASK_EVERY == 0

    @property
    def cost(self) -> float | None:
        """Seconds of the server's time per entry, not less than it is; None while not known."""
        known = [min(self._costs)] if self._costs else []
        return min([*known, *([] if self._reported is None else [self._reported])], default=None)

    def size(self) -> int:
        """Entries of the next piece."""
        if not self.cost:
            return min(FIRST, self._most) if self.cost is None else self._most
        return max(min(LEAST, self._most), min(self._most, int(PIECE / self.cost)))

    def took(self, seconds: float, entries: int, served: float | None = None, *, trips: int = 1) -> float:
        """What a piece has taken us, and the server as it says itself; what it has cost the server, in seconds.

        `trips`: requests that it was. One that was done without asking the server has cost nothing, and says nothing.
        """
        if seconds < self._way / 2 or not entries:
            return 0.0
        self._count += 1
        cost = max(seconds - trips * self._way, seconds / 10) / entries
        if served is not None:  # what was cheaper before may have been other entries
            self._costs.clear()
            self._reported, self._asked_at = served / entries, cost
        self._costs.append(cost)
        return min(seconds, (self.cost or 0.0) * entries)


@dataclass(frozen=True, slots=True)
class Paces:
    """Of one operation."""

    reading: Pace
    acting: Pace


@lru_cache(maxsize=8)
def paces_of(operation: UUID, server: Server, most: int = BATCH) -> Paces:
    """As this process has come to know them. `most`: entries that are done at once. Raises StreamError."""
    way = min(_took(server) for _ in range(LOOKS))
    return Paces(Pace(way), Pace(way, most))


def _took(server: Server) -> float:
    began = time.perf_counter()
    server.run(CLOCK)
    return time.perf_counter() - began


@dataclass(slots=True)
class Piece:
    """How long something took: us, and the server by its own account, None where it was not asked or does not say.

    In so many `trips`, for so many `entries`; `waited`: seconds of it in which the server was left alone on purpose.
    """

    seconds: float = 0.0
    served: float | None = None
    trips: int = 1
    entries: int = 0
    waited: float = 0.0


@contextmanager
def measured(server: Server, *, ask: bool) -> Iterator[Piece]:
    """What is done within. `ask`: the server's own account too, in which other clients' commands count as well."""
    found, before = Piece(), served(server) if ask else None
    began = time.monotonic()
    yield found
    found.seconds = time.monotonic() - began
    after = served(server) if before is not None else None
    if before is not None and after is not None and after >= before:
        found.served = after - before


def served(server: Server) -> float | None:
    """Seconds of commands that the server has carried out so far; None where it does not say."""
    try:
        return server.run(ServedQuery())
    except StreamError:
        return None


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


def divided(work: Iterable[Item], size: Callable[[], int]) -> Iterator[list[Item]]:
    """The work in pieces; `size` is asked before each how many entries it has."""
    piece: list[Item] = []
    room = size()
    for item in work:
        left = item.ids.split()
        while left:
            piece.append(item.only(" ".join(left[:room])))
            left, room = left[room:], room - min(room, len(left))
            if not room:
                yield piece
                piece, room = [], size()
    if piece:
        yield piece
