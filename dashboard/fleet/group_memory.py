"""What earlier rounds know of one group: who acknowledged when, what was counted, since when something is so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from dashboard.fleet.findings.loss import lost
from dashboard.fleet.findings.model import Limits, Movement
from dashboard.fleet.findings.survey import Survey, survey
from dashboard.fleet.rates import rate_of
from dashboard.fleet.rounds.charts import MINUTE_MS, Charts
from dashboard.fleet.rounds.points import GONE
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries.sampling import GroupSample, StreamSample

RELEASED_MAX = 1000
"""Released entries of one group that are remembered one by one."""


class Known(NamedTuple):
    """What a movement is told of beside the group: the stream's rate in, the server's clock, the limits."""

    in_rate: float | None
    trimmed_rate: float | None
    now_ms: int
    limits: Limits
    charts: Charts


@dataclass(slots=True)
class _Held:
    """What one consumer held last, and since when it is so. Times are 0 where nothing was seen yet."""

    pending: int = 0
    oldest: StreamId | None = None
    fell_at: int = 0
    """When it last held less while the group held less: acknowledged, not merely claimed by another."""
    moved_at: int = 0
    """When its oldest entry last became a later one while the group held less."""
    rising_since: int = 0
    """Since when what it holds has only grown."""
    rising_from: int = 0


EMPTY = Survey()
NOTHING: Mapping[bytes, _Held] = MappingProxyType({})
NONE_RELEASED: Mapping[StreamId, int] = MappingProxyType({})


@dataclass(slots=True)
class GroupMemory:
    """`row`: of its points. Most groups hold nothing: what is empty is one object for all of them."""

    row: int = GONE
    last: GroupSample | None = None
    out_rate: float | None = None
    _held: Mapping[bytes, _Held] = field(default_factory=lambda: NOTHING)
    _total: int = 0
    _lag: int | None = None
    """Where it lacks nothing, or nobody knows what, no lag is compared."""
    _read: int | None = None
    _position: StreamId | None = None
    _moved_at: int = 0
    _delivered_after: int = 0
    """When the round was that saw the position for the last time where it stood before it moved on."""
    _waiting_since: int = 0
    _oldest: StreamId | None = None
    _oldest_since: int = 0
    _released: Mapping[StreamId, int] = field(default_factory=lambda: NONE_RELEASED)
    _lost_seen: int = 0
    _never_had: int = 0
    """Entries that were missing already when a group that has read nothing was first seen: it may be younger."""
    _lost: int = 0
    _lost_at: int = 0
    _pass: Survey | None = None
    _began_with: tuple[object, ...] = ()
    _done: Survey | None = None
    survey: Survey | None = None
    """The counts to judge by; None before anything was looked at."""

    @property
    def counted(self) -> bool:
        """Whether its pending list was gone through to its end once."""
        return self._done is not None

    def look(self, g: GroupSample, limits: Limits) -> None:
        """Add this part of the pending list to the counts of the pass that is under way, or begin one."""
        if g.waits or g.refused:
            return
        if not g.facts.pending and not g.looked and g.began == g.go_on:
            self._pass, self._done, self.survey = None, EMPTY, EMPTY
            return
        last = g.go_on == MIN
        part = survey(g.part, ghosts=g.ghosts, complete=True, late_ms=limits.late_ms, poison=limits.poison)
        state = (g.facts.pending, g.facts.last_delivered_id, g.facts.entries_read)
        if g.began == MIN:
            self._pass, self._began_with = part, state
        else:
            self._pass = (self._pass or Survey(complete=False)) + part
        if last:
            self._done, self._pass = self._finished(self._pass, same=self._began_with == state), None
            self.survey = self._done
        else:
            self.survey = self._pass.at_least(self._done or Survey(), g.facts.pending)

    def _finished(self, counted: Survey, *, same: bool) -> Survey:
        """A pass over a list that changed meanwhile is a bound, not a count."""
        return counted if same else counted.at_least(Survey(), 2**62)

    def note(self, g: GroupSample, sample: StreamSample, elapsed_ms: int, charts: Charts) -> None:
        """Remember what this round saw, and what changed since the one before."""
        now = sample.now_ms
        self._note_consumers(g, now)
        facts = g.facts
        missing = lost(sample.facts, facts) or 0
        moved = self._position != facts.last_delivered_id
        if moved:
            if self._position is not None and self._position < facts.last_delivered_id:
                self._delivered_after = now - elapsed_ms
            self._never_had = missing if self._position is None and facts.last_delivered_id == MIN else 0
            self._lost_seen = max(self._lost_seen, self._never_had)
            self._position, self._moved_at = facts.last_delivered_id, now
        if facts.lag.value == 0:
            self._waiting_since = 0
        elif moved or not self._waiting_since:
            self._waiting_since = now
        self._note_oldest(g, now)
        self._note_loss(missing, now)
        self.out_rate = rate_of(self._read, facts.entries_read, elapsed_ms, self.out_rate)
        self._read, self._lag = facts.entries_read, facts.lag.value
        behind_ms = 0 if facts.lag.value == 0 else facts.last_delivered_id.age_ms(now)
        charts.put_group(self.row, facts.pending, facts.lag.value, behind_ms)

    def _note_consumers(self, g: GroupSample, now: int) -> None:
        """A consumer's share fell while the group's total fell too: acknowledged, not merely claimed by another."""
        if g.waits:
            return
        if not g.consumers and not self._held:
            self._total = g.facts.pending
            return
        acknowledged = self._were_acknowledged(g)
        oldest: dict[bytes, StreamId] = {}
        for entry in g.oldest:
            oldest.setdefault(entry.consumer, entry.id)
        held = {c.name: self._held.get(c.name, _Held()) for c in g.consumers}
        for c in g.consumers:
            _note(held[c.name], c.pending, oldest.get(c.name), acknowledged=acknowledged, now=now)
        if acknowledged:  # a consumer that is gone, or holds nothing in a group that is not looked into any more
            for name in self._held.keys() - held.keys():
                self._held[name].fell_at, self._held[name].pending = now, 0
                held[name] = self._held[name]
        if acknowledged and not any(now in (h.fell_at, h.moved_at) for h in held.values()):
            for h in held.values():  # it was any of them, who got more than that meanwhile
                h.rising_since, h.rising_from = now, h.pending
        self._held, self._total = held or NOTHING, g.facts.pending

    def _were_acknowledged(self, g: GroupSample) -> bool:
        """Whether entries left the pending list since the round before: fewer than with what was delivered since.

        Where the server does not count that, the oldest one tells.
        """
        read = g.facts.entries_read
        delivered = read - self._read if read is not None and self._read is not None else 0
        moved = bool(g.looked) and self._oldest is not None and g.looked[0].id > self._oldest
        return moved or g.facts.pending < self._total + max(0, delivered)

    def _note_oldest(self, g: GroupSample, now: int) -> None:
        if g.waits:
            return
        oldest = g.looked[0].id if g.looked else None
        if oldest != self._oldest:
            self._oldest, self._oldest_since = oldest, now
        released = [entry.id for entry in g.looked if entry.released][:RELEASED_MAX]
        self._released = {id_: self._released.get(id_, now) for id_ in released} or NONE_RELEASED

    def _note_loss(self, missing: int, now: int) -> None:
        """What is missing before the next entry grows while trimming goes on; 0 again when the group has read on."""
        if missing > self._lost_seen:
            self._lost, self._lost_at = self._lost + missing - self._lost_seen, now
        self._lost_seen = missing

    def movement(self, known: Known) -> Movement:
        now, late_ms = known.now_ms, known.limits.late_ms
        held = self._held.items()
        return Movement(
            fell=frozenset(name for name, h in held if h.fell_at and now - h.fell_at < late_ms),
            working=frozenset(name for name, h in held if h.moved_at and now - h.moved_at < late_ms),
            quiet_ms={name: now - h.moved_at for name, h in held if h.moved_at},
            rising_ms={name: now - h.rising_since for name, h in held if h.pending > h.rising_from},
            in_rate=known.in_rate,
            removed_rate=known.trimmed_rate,
            lost=self._lost,
            never_had=self._never_had,
            lost_ms=now - self._lost_at if self._lost_at else None,
            out_rate=self.out_rate,
            lag_before=known.charts.lag_before(self.row, now - MINUTE_MS) if self._lag else None,
            lags=known.charts.lags(self.row, now) if self._lag else (),
            still_ms=now - self._moved_at,
            delivered_ms=now - self._delivered_after if self._delivered_after else None,
            waiting_ms=now - self._waiting_since if self._waiting_since else 0,
            oldest_ms=now - self._oldest_since if self._oldest else 0,
            released_ms=now - min(self._released.values()) if self._released else 0,
            survey=self.survey,
        )


def _note(held: _Held, pending: int, oldest: StreamId | None, *, acknowledged: bool, now: int) -> None:
    fell = pending < held.pending
    moved = acknowledged and oldest is not None and held.oldest is not None and oldest > held.oldest
    if fell and acknowledged:
        held.fell_at = now
    if moved:
        held.moved_at = now
    if fell or moved or not held.rising_since:
        held.rising_since, held.rising_from = now, pending
    held.pending, held.oldest = pending, oldest if oldest is not None or not pending else held.oldest
