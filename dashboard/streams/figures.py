"""Numbers that carry how sure they are, and the sums and maxima that keep it.

A claim of completeness needs a complete look: what was not looked at whole is a lower bound or unknown, never a plain
number, and stays so through every sum and maximum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of things, or None with the reason why it is not known.

    `at_least`: a lower bound; `reason` then says what was not looked at. `approximate`: the server is known to
    miscount.
    """

    value: int | None
    reason: str = ""
    approximate: bool = False
    at_least: bool = False

    @property
    def exact(self) -> bool:
        return self.value is not None and not self.at_least and not self.approximate


@dataclass(frozen=True, slots=True)
class Rate:
    """Entries per second, None while not known; `at_least`: some that belong to it are not known."""

    value: float | None
    at_least: bool = False


def total(figures: Iterable[Figure]) -> Figure:
    """The sum. With a part unknown it is a lower bound, or unknown where nothing is known to be there. Empty: 0."""
    parts = tuple(figures)
    if len(parts) == 1 and parts[0].exact and not parts[0].reason:  # nearly always: a stream with one group
        return parts[0]
    unsure = [f for f in parts if f.value is None or f.at_least or f.approximate]
    return _bounded(sum([f.value for f in parts if f.value is not None]), unsure)


def largest(figures: Iterable[Figure]) -> Figure:
    """The maximum, as `total`. Empty: 0."""
    parts = tuple(figures)
    known = [f for f in parts if f.value is not None]
    top = max((f.value for f in known if f.value is not None), default=0)
    unsure = [f for f in parts if f.value is None or f.at_least or f.value == top]
    return _bounded(top, unsure)


def _bounded(value: int, parts: Iterable[Figure]) -> Figure:
    unsure = [f for f in parts if f.value is None or f.at_least]
    approximate = any(f.approximate for f in parts)
    if not unsure:
        return Figure(value, approximate=approximate)
    reason = next((f.reason for f in unsure if f.reason), "")
    return Figure(value, reason, approximate, at_least=True) if value else Figure(None, reason)


def total_rate(rates: Iterable[float | None]) -> Rate:
    """The sum of rates; a lower bound where some are not known, unknown where none is. Empty: unknown."""
    parts = list(rates)
    known = [rate for rate in parts if rate is not None]
    return Rate(sum(known) if known else None, at_least=bool(known) and len(known) < len(parts))


def combined(rates: Iterable[Rate]) -> Rate:
    """As `total_rate`, of sums."""
    parts = tuple(rates)
    known = [rate.value for rate in parts if rate.value is not None]
    unsure = len(known) < len(parts) or any(rate.at_least for rate in parts)
    return Rate(sum(known) if known else None, at_least=bool(known) and unsure)
