"""Two sides in turn, so that what disturbs the machine disturbs both; and what the product sends meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from dashboard.streams.links import PendingReply, Server, Writer
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.queries import Query

Side = Callable[[], object]
DEPTHS, STEP = 47, 5
"""Calls that a round stands deeper than the first, at most; from one round to the next."""


@dataclass
class Turns:
    """Medians in milliseconds."""

    ours_ms: float
    bare_ms: float

    @property
    def ratio(self) -> float:
        return round(self.ours_ms / self.bare_ms, 2)


def took(side: Side) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    side()
    return (time.perf_counter() - began) * 1000


def in_turn(ours: Side, bare: Side, rounds: int) -> Turns:
    """A first round of each warms up; then each begins every other round, each round at another depth of calls."""
    ours(), bare()
    times: dict[Side, list[float]] = {ours: [], bare: []}
    for number in range(rounds):
        for side in (ours, bare) if number % 2 else (bare, ours):
            times[side].append(_deeper(number * STEP % DEPTHS, side))
    return Turns(round(median(times[ours]), 2), round(median(times[bare]), 2))


def _deeper(depth: int, side: Side) -> float:
    """Milliseconds, from so many calls further down.

    Python 3.11 keeps frames in chunks of 16 KB and gives an empty one back at once: a loop that happens to call across
    the end of a chunk takes up to three times as long, and how deep it stands decides whether it does.
    """
    return _deeper(depth - 1, side) if depth else took(side)


@dataclass
class Sent:
    """What the product sent: commands, in so many round trips."""

    commands: int = 0
    trips: int = 0

    def note(self, commands: Sequence[Any]) -> None:
        self.commands += len(commands)
        self.trips += bool(commands)


@contextmanager
def counting() -> Iterator[Sent]:
    """Everything the reader and the writer send meanwhile. What a script does inside of the server is one command."""
    sent, ask, send, each = Sent(), Standalone.exchange, Server.send, Writer.each

    def asked(self: Standalone, commands: Sequence[Any]) -> list[Any]:
        sent.note(commands)
        return ask(self, commands)

    def asked_for(self: Server, query: Query[Any]) -> PendingReply[Any]:
        sent.note(query.build())
        return send(self, query)

    def done(self: Writer, commands: Sequence[Any], *rest: Any, **named: Any) -> list[Any]:
        sent.note(commands)
        return each(self, commands, *rest, **named)

    Standalone.exchange, Server.send, Writer.each = asked, asked_for, done  # type: ignore[method-assign, assignment]
    try:
        yield sent
    finally:
        Standalone.exchange, Server.send, Writer.each = ask, send, each  # type: ignore[method-assign]
