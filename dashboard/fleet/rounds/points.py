"""What was counted in each of the last rounds: per round one array of numbers, with a place for every row.

A new round begins as a copy of the last one, and only what changed is put into it: what stands still costs no work, and
a number no object.
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from typing import Literal

NONE = float("nan")
STEP_MS = 5_000
"""Rounds that come faster are not all kept where a span is."""
GONE = -1
"""The row of what is not there any more."""
Kind = Literal["f", "d"]
"""f: to seven digits, to be drawn; d: exact to 2**53."""


@dataclass(frozen=True, slots=True)
class _Round:
    number: int
    at_ms: int
    values: array[float]


class Points:
    """One field of many rows. A value is a number or None; () and None for a row that was not there yet, or is gone.

    `rounds`: how many are kept. With `span_ms` as many as are needed to know what was so long ago, to STEP_MS.
    """

    def __init__(self, kind: Kind, rounds: int | None = None, *, span_ms: int | None = None) -> None:
        self._span_ms = span_ms
        self._rounds: deque[_Round] = deque(maxlen=rounds)
        self.now = array(kind)
        """The values of this round, by row; NONE for None."""
        self._added = array("q")
        """Per row, the number of the round in which it was added."""
        self._number = 0

    def begin(self, at_ms: int) -> None:
        """A new round: everything as it was in the last one."""
        self.now = self.now[:]
        self._number += 1
        if self._span_ms is not None and len(self._rounds) > 1 and at_ms - self._rounds[-2].at_ms < STEP_MS:
            self._rounds.pop()
        self._rounds.append(_Round(self._number, at_ms, self.now))
        while self._span_ms is not None and len(self._rounds) > 1 and self._rounds[1].at_ms <= at_ms - self._span_ms:
            self._rounds.popleft()

    def put(self, row: int, value: float | None) -> None:
        """The value of a row in this round."""
        self.now[row] = NONE if value is None else value

    def add(self, row: int) -> None:
        """A row that begins in this round, at the end or where another one was."""
        if row == len(self.now):
            self.now.append(NONE)
            self._added.append(self._number)
        self.now[row], self._added[row] = NONE, self._number

    def series(self, row: int) -> tuple[float | None, ...]:
        """The values of a row, the oldest first. From any thread."""
        return tuple(_value(each.values[row]) for each in self._of(row))

    def span_of(self, row: int) -> int:
        """Milliseconds from its first point to its last one."""
        found = self._of(row)
        return found[-1].at_ms - found[0].at_ms if found else 0

    def before(self, row: int, at_ms: int) -> float | None:
        """The value at or just before `at_ms`; None too when the row was not watched then."""
        found = next((each for each in reversed(self._of(row)) if each.at_ms <= at_ms), None)
        return _value(found.values[row]) if found else None

    def _of(self, row: int) -> list[_Round]:
        if row == GONE:
            return []
        added = self._added[row]
        return [each for each in tuple(self._rounds) if each.number >= added]


def _value(value: float) -> float | None:
    return None if value != value else value
