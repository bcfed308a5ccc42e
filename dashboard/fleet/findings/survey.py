"""What is wrong in a pending list, counted over as much of it as was looked at.

A long list is gone through part by part, round after round. `complete` says whether a count covers all of it; else it
is a lower bound, and is said to be one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dashboard.streams.snapshots import PendingEntry


@dataclass(frozen=True, slots=True)
class Survey:
    """`late`: per consumer, entries that nobody touched for LATE_AFTER; `released`: given back by XNACK, with nobody.

    `poison` counts what was delivered too often, `most` how often at most; `fatal` what a consumer gave up for good.
    """

    looked: int = 0
    complete: bool = True
    late: Mapping[bytes, int] = field(default_factory=dict)
    worst_idle_ms: int = 0
    poison: int = 0
    most: int = 0
    first_poison: PendingEntry | None = None
    fatal: int = 0
    first_fatal: PendingEntry | None = None
    released: int = 0
    ghosts: int = 0

    def __add__(self, other: Survey) -> Survey:
        """Of two parts of one list, this one before the other."""
        return Survey(
            looked=self.looked + other.looked,
            complete=self.complete and other.complete,
            late=Counter(self.late) + Counter(other.late),
            worst_idle_ms=max(self.worst_idle_ms, other.worst_idle_ms),
            poison=self.poison + other.poison,
            most=max(self.most, other.most),
            first_poison=self.first_poison or other.first_poison,
            fatal=self.fatal + other.fatal,
            first_fatal=self.first_fatal or other.first_fatal,
            released=self.released + other.released,
            ghosts=self.ghosts + other.ghosts,
        )

    def at_least(self, other: Survey, pending: int) -> Survey:
        """While a new look is under way: what it has found so far, or what the one before found if that was more.

        Never more than is pending now.
        """
        more = self if self.poison + self.fatal >= other.poison + other.fatal else other
        late = {name: max(self.late.get(name, 0), other.late.get(name, 0)) for name in {**self.late, **other.late}}
        return replace(
            more,
            looked=self.looked,
            complete=False,
            late={name: min(count, pending) for name, count in late.items()},
            worst_idle_ms=max(self.worst_idle_ms, other.worst_idle_ms),
            poison=min(more.poison, pending),
            fatal=min(more.fatal, pending),
            released=min(max(self.released, other.released), pending),
            ghosts=min(max(self.ghosts, other.ghosts), pending),
        )


def survey(entries: Iterable[PendingEntry], *, ghosts: int, complete: bool, late_ms: int, poison: int) -> Survey:
    """Of one part of a list. `late_ms` idle is late, `poison` deliveries are poison."""
    seen = tuple(entries)
    late = [e for e in seen if e.idle_ms >= late_ms]
    fatal = [e for e in seen if e.fatal]
    bad = [e for e in seen if e.deliveries >= poison and not e.fatal]
    return Survey(
        looked=len(seen),
        complete=complete,
        late=Counter(e.consumer for e in late),
        worst_idle_ms=max((e.idle_ms for e in late), default=0),
        poison=len(bad),
        most=max((e.deliveries for e in bad), default=0),
        first_poison=bad[0] if bad else None,
        fatal=len(fatal),
        first_fatal=fatal[0] if fatal else None,
        released=sum(e.released for e in seen),
        ghosts=ghosts,
    )
