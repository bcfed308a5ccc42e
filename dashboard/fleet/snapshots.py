"""A server as it was last sampled: immutable, replaced as a whole when a round is complete. Readers never wait."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.fleet.findings.model import RANK, Finding, Severity
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.snapshots import ServerInfo


class Point(NamedTuple):
    """One sample of a stream (or of one group of it) for a chart."""

    at_ms: int
    length: int
    pending: int
    lag: int | None
    in_rate: float | None
    out_rate: float | None


def known_sum(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream as last sampled, with what was made of it. Rates in entries per second, None before two samples."""

    sample: StreamSample
    findings: tuple[Finding, ...] = ()
    in_rate: float | None = None
    out_rates: Mapping[bytes, float | None] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    group_points: Mapping[bytes, tuple[Point, ...]] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        return self.sample.facts.key

    @property
    def health(self) -> Severity:
        return worst(self.findings, blind=any(group.refused for group in self.sample.groups))

    @property
    def in_trend(self) -> tuple[float | None, ...]:
        """The rate in, lately, for a sparkline."""
        return tuple(point.in_rate for point in self.points[-60:])

    def group_health(self, group: bytes) -> Severity:
        """`unknown` where nothing could be looked at, or the group was not there yet."""
        known = self.group(group)
        return worst(tuple(f for f in self.findings if f.group == group), blind=known is None or bool(known.refused))

    def group(self, name: bytes) -> GroupSample | None:
        """A group as it was sampled; None when it was not there yet."""
        return next((group for group in self.sample.groups if group.facts.name == name), None)

    @property
    def pending(self) -> int:
        return sum(group.facts.pending for group in self.sample.groups)

    @property
    def lag(self) -> int | None:
        """The worst known lag; None when every group's is unknown."""
        known = [g.facts.lag.value for g in self.sample.groups if g.facts.lag.value is not None]
        return max(known) if known else (None if self.sample.groups else 0)

    @property
    def oldest_pending_ms(self) -> int | None:
        """Age of the oldest pending entry of any group; None when nothing is pending."""
        oldest = [group.looked[0] for group in self.sample.groups if group.looked]
        return max((entry.age_ms(self.sample.now_ms) for entry in oldest), default=None)


def worst(findings: tuple[Finding, ...], *, blind: bool = False) -> Severity:
    """The health that follows from findings. Without any, what could not be looked into is unknown, not ok."""
    return min((f.severity for f in findings), key=RANK.__getitem__, default="unknown" if blind else "ok")


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """One server. `at` (epoch seconds): when the last complete round ended, None before the first.

    `error`: why the latest round failed, in a sentence; the values then are those of `at`.
    `gaps`: what of it the server does not let us read, in a sentence, though it answers.
    `complete`: whether the inventory was finished; else `streams` is a part of it.
    """

    name: str
    at: float | None = None
    now_ms: int = 0
    info: ServerInfo | None = None
    error: str = ""
    gaps: str = ""
    down_since: float | None = None
    complete: bool = False
    streams: Mapping[bytes, StreamState] = field(default_factory=dict)
    cost: float = 0.0
    """Seconds the last round took."""

    @property
    def at_ms(self) -> int | None:
        """`at` in milliseconds of our own clock."""
        return None if self.at is None else int(self.at * 1000)

    @property
    def present_ms(self) -> int:
        """The server's clock now: what it last said, and what has passed since by our own."""
        return self.now_ms + (0 if self.at is None else max(0, int((time.time() - self.at) * 1000)))
