"""What earlier rounds know of one server: rates, what moved and when, how long a finding stands, points for charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from dashboard.fleet.findings.due import due_in
from dashboard.fleet.findings.model import (
    Finding,
    Identity,
    Limits,
    Movement,
    Recorded,
    StreamMovement,
    nothing_recorded,
)
from dashboard.fleet.findings.registry import judge
from dashboard.fleet.findings.stream.group_vanished import Left, gone_with_its_stream
from dashboard.fleet.group_memory import GroupMemory, Known
from dashboard.fleet.rates import at_rest, rate_of
from dashboard.fleet.rounds.charts import Charts
from dashboard.fleet.rounds.few import Few
from dashboard.fleet.rounds.points import GONE
from dashboard.fleet.snapshots import StreamState
from dashboard.streams.ids import StreamId
from dashboard.streams.queries.sampling import GroupSample, StreamSample

GAPS = 20
"""Gaps between additions that are remembered of a stream."""
VANISHED = 1000
"""Streams whose lost groups are remembered."""


NO_FINDINGS: Mapping[Identity, int] = MappingProxyType({})


@dataclass(slots=True)
class _StreamMemory:
    """`row`: of its points; `round`: the last one it was seen in."""

    row: int
    charts: Charts
    round: int = 0
    at_ms: int = 0
    added: int | None = None
    in_rate: float | None = None
    length: int = 0
    deleted: StreamId | None = None
    trimmed_rate: float | None = None
    trims: tuple[int, ...] = ()
    """When the last two trims were seen."""
    groups: Few[GroupMemory] = field(default_factory=Few)
    since: Mapping[Identity, int] = field(default_factory=lambda: NO_FINDINGS)
    """When each finding that stands began, by its identity."""
    last: StreamId | None = None
    grew_at: int = 0
    grown: int = 0
    gaps: tuple[int, ...] = ()
    due_ms: int | None = None
    """When it has to be looked into again, for time alone may change what is found."""

    @property
    def moves(self) -> bool:
        """Whether any rate is more than 0, so that it falls while nothing happens."""
        rates = (self.in_rate, self.trimmed_rate, *(group.out_rate for group in self.groups.values()))
        return any(rates)

    def come_to_rest(self, at_ms: int) -> None:
        """A round in which nothing changed."""
        self.at_ms = max(self.at_ms, at_ms)
        self.in_rate, self.trimmed_rate = at_rest(self.in_rate), at_rest(self.trimmed_rate)
        for group in self.groups.values():
            group.out_rate = at_rest(group.out_rate)
        self.charts.in_rate.put(self.row, self.in_rate)

    def in_trend(self) -> tuple[float | None, ...]:
        return self.charts.in_rate.series(self.row)

    def trend_ms(self) -> int:
        return self.charts.in_rate.span_of(self.row)

    def pending_trend(self, group: bytes) -> tuple[float | None, ...]:
        return self.charts.pending.series(self._row(group))

    def lag_trend(self, group: bytes) -> tuple[float | None, ...]:
        return self.charts.lag.series(self._row(group))

    def _row(self, group: bytes) -> int:
        known = self.groups.get(group)
        return known.row if known else GONE

    def group(self, name: bytes) -> GroupMemory:
        """What is known of a group: nothing yet when it is met for the first time."""
        known = self.groups.get(name)
        if known is None:
            known = self.groups[name] = GroupMemory(self.charts.add_group())
        return known

    def missing(self, sample: StreamSample) -> list[bytes]:
        """Groups that are known and not in the sample; those in it are known."""
        if len(self.groups) == len(sample.groups):
            return []
        there = {group.facts.name for group in sample.groups}
        return [name for name in self.groups if name not in there]

    def forget(self, group: bytes) -> None:
        """A group that is not there any more."""
        known = self.groups.pop(group)
        self.charts.remove_group(known.row)
        known.row = GONE

    def close(self) -> None:
        """The stream is not there any more: its rows are free."""
        for name in tuple(self.groups):
            self.forget(name)
        self.charts.remove_stream(self.row)
        self.row = GONE


class Rates(NamedTuple):
    """Entries per second; None while not known. `out`: by group."""

    in_: float | None
    out: Mapping[bytes, float | None]


class Memory:
    """Fed one sample of a stream after the other; each comes back as a judged StreamState."""

    def __init__(self, limits: Limits, recorded: Recorded = nothing_recorded) -> None:
        self.limits = limits
        self._recorded = recorded
        self.charts = Charts()
        self._round = 0
        self._streams: dict[bytes, _StreamMemory] = {}
        self._moving: set[bytes] = set()
        """Streams of which some rate is more than 0."""
        self._vanished: dict[bytes, dict[bytes, Left]] = {}
        """Per stream, groups that were there and are gone. Outlives the stream."""

    def begin(self, now_ms: int) -> None:
        """A new round begins: one more point for every stream. Without it, one begins when a stream comes again."""
        self._round += 1
        self.charts.begin(now_ms)

    def take(
        self, sample: StreamSample, further: Iterable[StreamSample] = (), *, unchanged_until: int = 0
    ) -> StreamState:
        """The sample of this round, judged. `further`: what the same round saw of the rest of its pending lists.

        `unchanged_until`: when it was last seen to be as in the sample before (ms of the server); 0: not since then.
        """
        known = self._known(sample)
        known.at_ms = max(known.at_ms, unchanged_until) if known.at_ms else 0
        for part in (sample, *further):
            self._look(known, part)
        elapsed = sample.now_ms - known.at_ms if known.at_ms else 0
        known.in_rate = rate_of(known.added, sample.facts.entries_added, elapsed, known.in_rate)
        _note_growth(known, sample)
        _note_trims(known, sample, elapsed)
        groups = tuple(self._remembered(known, g) for g in sample.groups)
        sample = replace(sample, groups=groups) if groups != sample.groups else sample
        movements = {g.facts.name: self._group(known, g, sample, elapsed) for g in sample.groups}
        known.at_ms, known.added, known.length = sample.now_ms, sample.facts.entries_added, sample.facts.length
        moved = self._stream(known, sample)
        due = due_in(sample, movements, self.limits, moved)
        known.due_ms = None if due is None else sample.now_ms + due
        findings = tuple(self._dated(known, judge(sample, movements, self.limits, moved), sample.now_ms))
        known.charts.in_rate.put(known.row, known.in_rate)
        for gone in known.missing(sample):
            known.forget(gone)
        self._note_rates(known, sample.facts.key)
        return StreamState(
            sample=sample,
            findings=findings,
            in_rate=known.in_rate,
            out_rates=tuple(known.groups[g.facts.name].out_rate for g in sample.groups),
            history=known,
        )

    def _dated(self, known: _StreamMemory, findings: list[Finding], now_ms: int) -> Iterable[Finding]:
        """Findings with the moment since which they stand: as recorded; a new one since what it is about began."""
        known.since = {f.identity: self._since(known, f, now_ms) for f in findings} or NO_FINDINGS
        for finding in findings:
            yield replace(finding, since_ms=known.since[finding.identity])

    def _since(self, known: _StreamMemory, finding: Finding, now_ms: int) -> int:
        recorded = self._recorded(finding.identity)
        return known.since.get(finding.identity, now_ms - finding.oldest_ms) if recorded is None else recorded

    def _note_rates(self, known: _StreamMemory, key: bytes) -> None:
        if known.moves:
            self._moving.add(key)
        else:
            self._moving.discard(key)

    def rest(self, now_ms: int) -> Iterator[tuple[bytes, Rates]]:
        """Streams whose rates fell because nothing changed in this round, for those that were not taken in it."""
        for key in tuple(self._moving):
            known = self._streams[key]
            if known.round != self._round:
                known.come_to_rest(now_ms)
                self._note_rates(known, key)
                yield key, Rates(known.in_rate, {name: group.out_rate for name, group in known.groups.items()})

    def due_ms(self, key: bytes) -> int | None:
        """When a stream has to be looked into again though nothing changes, by the server's clock."""
        known = self._streams.get(key)
        return known.due_ms if known else None

    def _known(self, sample: StreamSample) -> _StreamMemory:
        """What is known of the stream of a sample, in a round that has not seen it yet."""
        known = self._streams.get(sample.facts.key)
        if not self._round or (known and known.round == self._round):
            self.begin(sample.now_ms)
        if known is None:
            known = self._streams[sample.facts.key] = _StreamMemory(self.charts.add_stream(), self.charts)
        known.round = self._round
        return known

    def forget(self, keys: Iterable[bytes], *, hidden: bool = False) -> None:
        """Streams that vanished; `hidden`: that may not be read any more, of which nobody knows whether they did."""
        for key in keys:
            known = self._streams.pop(key, None)
            if known and known.groups and not hidden:
                left = {name: _left(group, known.at_ms) for name, group in known.groups.items()}
                self._vanished[key] = {**left, **self._vanished.get(key, {})}
            if known:
                known.close()
                self._moving.discard(key)
        while len(self._vanished) > VANISHED:
            self._vanished.pop(next(iter(self._vanished)))

    def vanished(self, now_ms: int) -> tuple[Finding, ...]:
        """Findings about groups that went with their stream, and had something to do: of VANISHED streams at most."""
        gone_ms = self.limits.gone_ms
        return tuple(
            gone_with_its_stream(key, name, left, now_ms)
            for key, groups in sorted(self._vanished.items())
            if key not in self._streams
            for name, left in sorted(groups.items())
            if left.unfinished and now_ms - left.at_ms < gone_ms
        )

    def movement(self, key: bytes, group: bytes, now_ms: int) -> Movement:
        """What is known of a group, for a page that judges its consumers."""
        known = self._streams.get(key)
        found = known.groups.get(group) if known else None
        return self._movement(found, known, now_ms) if known and found else Movement()

    def _stream(self, known: _StreamMemory, sample: StreamSample) -> StreamMovement:
        now, key = sample.now_ms, sample.facts.key
        missing = self._missing(known, sample)
        return StreamMovement(
            in_rate=known.in_rate,
            grew_ms=now - known.grew_at if known.grew_at else None,
            grown=known.grown,
            gaps=known.gaps,
            vanished={name: now - left.at_ms for name, left in missing.items()} if key in self._vanished else {},
        )

    def _missing(self, known: _StreamMemory, sample: StreamSample) -> dict[bytes, Left]:
        """Groups that were there and are not; those that are back are forgotten."""
        key, now = sample.facts.key, sample.now_ms
        there = {group.facts.name for group in sample.groups}
        names = () if sample.groups_cut else known.missing(sample)
        gone = {name: _left(known.groups[name], now) for name in names}
        missing = {**gone, **self._vanished.get(key, {})}
        missing = {n: g for n, g in missing.items() if n not in there and now - g.at_ms < self.limits.gone_ms}
        if missing:
            self._vanished[key] = missing
        else:
            self._vanished.pop(key, None)
        return missing

    def _look(self, known: _StreamMemory, part: StreamSample) -> None:
        for group in part.groups:
            known.group(group.facts.name).look(group, self.limits)

    def _remembered(self, known: _StreamMemory, g: GroupSample) -> GroupSample:
        """A group whose turn it was not, with what was seen in it last."""
        group = known.group(g.facts.name)
        if g.waits and group.last is not None:
            return replace(group.last, facts=g.facts, waits=True, unseen=not group.counted)
        group.last = g
        return g if group.counted else replace(g, unseen=True)

    def _group(self, known: _StreamMemory, g: GroupSample, sample: StreamSample, elapsed: int) -> Movement:
        group = known.groups[g.facts.name]
        group.note(g, sample, elapsed, self.charts)
        return self._movement(group, known, sample.now_ms)

    def _movement(self, group: GroupMemory, known: _StreamMemory, now_ms: int) -> Movement:
        trimmed = known.trimmed_rate if self._is_trimmed(known, now_ms) else None
        return group.movement(Known(known.in_rate, trimmed, now_ms, self.limits, self.charts))

    def _is_trimmed(self, known: _StreamMemory, now_ms: int) -> bool:
        """Whether trimming goes on: a single one says nothing of a next one."""
        return len(known.trims) == 2 and now_ms - known.trims[0] < self.limits.gone_ms


def _left(group: GroupMemory, at_ms: int) -> Left:
    facts = group.last.facts if group.last else None
    return Left(at_ms, facts.pending, facts.lag.value) if facts else Left(at_ms)


def _note_growth(known: _StreamMemory, sample: StreamSample) -> None:
    """When entries were seen to be added, by the last ID: it only grows by that."""
    last, now = sample.facts.last_generated_id, sample.now_ms
    if known.last is not None and last > known.last:
        if known.grew_at:
            known.gaps = (*known.gaps, now - known.grew_at)[-GAPS:]
        known.grew_at = now
        added, before = sample.facts.entries_added, known.added
        known.grown += added - before if added is not None and before is not None and added > before else 1
    known.last = last


def _note_trims(known: _StreamMemory, sample: StreamSample, elapsed: int) -> None:
    """Entries trimmed per second. XDEL moves the highest deleted ID, which trimming does not: such rounds are none."""
    facts, added = sample.facts, known.added
    if added is not None and facts.entries_added is not None:
        removed = known.length + facts.entries_added - added - facts.length
        trimmed = removed if facts.max_deleted_id == known.deleted else 0
        known.trimmed_rate = rate_of(0, trimmed, elapsed, known.trimmed_rate)
        if trimmed > 0:
            known.trims = (*known.trims, sample.now_ms)[-2:]
    known.deleted = facts.max_deleted_id
