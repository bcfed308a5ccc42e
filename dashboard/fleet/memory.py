"""What earlier rounds know of one server: rates, what moved and when, how long a finding stands, points for charts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dashboard.fleet.findings.model import Finding, Limits, Movement
from dashboard.fleet.findings.registry import judge
from dashboard.fleet.snapshots import Point, StreamState, known_sum
from dashboard.streams.ids import StreamId
from dashboard.streams.queries.sampling import GroupSample, StreamSample

POINTS = 240
"""Kept per stream and per group: 20 minutes at a sample every 5 s."""
MINUTE_MS = 60_000


@dataclass
class _GroupMemory:
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=POINTS))
    pending: dict[bytes, int] = field(default_factory=dict)
    total: int = 0
    read: int | None = None
    fell_at: dict[bytes, int] = field(default_factory=dict)
    position: StreamId | None = None
    moved_at: int = 0
    out_rate: float | None = None


@dataclass
class _StreamMemory:
    at_ms: int = 0
    added: int | None = None
    in_rate: float | None = None
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=POINTS))
    groups: dict[bytes, _GroupMemory] = field(default_factory=dict)
    since: dict[tuple[object, ...], int] = field(default_factory=dict)
    """When each finding that stands began, by its identity."""


class Memory:
    """Fed one sample of a stream after the other; each comes back as a judged StreamState."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._streams: dict[bytes, _StreamMemory] = {}

    def take(self, sample: StreamSample) -> StreamState:
        known = self._streams.setdefault(sample.facts.key, _StreamMemory())
        elapsed = sample.now_ms - known.at_ms if known.at_ms else 0
        known.in_rate = _rate(known.added, sample.facts.entries_added, elapsed, known.in_rate)
        movements = {g.facts.name: self._group(known, g, sample, elapsed) for g in sample.groups}
        known.at_ms, known.added = sample.now_ms, sample.facts.entries_added
        findings = tuple(_dated(known, judge(sample, movements, self.limits), sample.now_ms))
        out_rate = known_sum(group.out_rate for group in known.groups.values())
        known.points.append(_point(sample, sample.groups, known.in_rate, out_rate))
        for gone in known.groups.keys() - {g.facts.name for g in sample.groups}:
            del known.groups[gone]
        return StreamState(
            sample=sample,
            findings=findings,
            in_rate=known.in_rate,
            out_rates={name: group.out_rate for name, group in known.groups.items()},
            points=tuple(known.points),
            group_points={name: tuple(group.points) for name, group in known.groups.items()},
        )

    def forget(self, keys: Iterable[bytes]) -> None:
        """Streams that vanished."""
        for key in keys:
            self._streams.pop(key, None)

    def movement(self, key: bytes, group: bytes, now_ms: int) -> Movement:
        """What is known of a group, for a page that judges its consumers."""
        known = self._streams.get(key)
        found = known.groups.get(group) if known else None
        return self._movement(found, known, now_ms) if known and found else Movement()

    def _group(self, known: _StreamMemory, g: GroupSample, sample: StreamSample, elapsed: int) -> Movement:
        group = known.groups.setdefault(g.facts.name, _GroupMemory())
        _note_falls(group, g, sample.now_ms)
        if group.position != g.facts.last_delivered_id:
            group.position, group.moved_at = g.facts.last_delivered_id, sample.now_ms
        group.out_rate = _rate(group.read, g.facts.entries_read, elapsed, group.out_rate)
        group.read = g.facts.entries_read
        movement = self._movement(group, known, sample.now_ms)
        group.points.append(_point(sample, (g,), known.in_rate, group.out_rate))
        return movement

    def _movement(self, group: _GroupMemory, known: _StreamMemory, now_ms: int) -> Movement:
        fell = frozenset(name for name, at in group.fell_at.items() if now_ms - at < self.limits.late_ms)
        return Movement(
            fell=fell,
            in_rate=known.in_rate,
            out_rate=group.out_rate,
            lag_before=_lag_before(group.points, now_ms - MINUTE_MS),
            still_ms=now_ms - group.moved_at,
        )


def _dated(known: _StreamMemory, findings: list[Finding], now_ms: int) -> Iterable[Finding]:
    """Findings with the moment since which they stand; a new one stands since what it is about began."""
    known.since = {f.identity: known.since.get(f.identity, now_ms - f.oldest_ms) for f in findings}
    for finding in findings:
        yield replace(finding, since_ms=known.since[finding.identity])


def _note_falls(group: _GroupMemory, g: GroupSample, now_ms: int) -> None:
    """A consumer's share fell while the group's total fell too: acknowledged, not merely claimed by another."""
    held = {c.name: c.pending for c in g.consumers}
    if g.facts.pending < group.total:
        fallen = [name for name, before in group.pending.items() if held.get(name, 0) < before]
        group.fell_at.update(dict.fromkeys(fallen, now_ms))
    group.pending, group.total = held, g.facts.pending


def _rate(before: int | None, now: int | None, elapsed_ms: int, last: float | None) -> float | None:
    """Per second, smoothed over a few samples; None until two samples are there, or where the server does not count."""
    if before is None or now is None or elapsed_ms <= 0 or now < before:
        return None
    current = (now - before) * 1000 / elapsed_ms
    return current if last is None else 0.6 * last + 0.4 * current


def _point(
    sample: StreamSample, groups: tuple[GroupSample, ...], in_rate: float | None, out_rate: float | None
) -> Point:
    lags = [g.facts.lag.value for g in groups if g.facts.lag.value is not None]
    pending = sum(g.facts.pending for g in groups)
    lag = max(lags) if lags else None
    return Point(sample.now_ms, sample.facts.length, pending, lag, in_rate, out_rate)


def _lag_before(points: deque[Point], at_ms: int) -> int | None:
    """The lag at or just before `at_ms`; None when we have not watched that long."""
    earlier = [point for point in points if point.at_ms <= at_ms]
    return earlier[-1].lag if earlier else None
