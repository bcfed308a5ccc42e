"""What a rule gets and what it gives: thresholds, what earlier rounds know, a group as it was seen, a finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboard.fleet.findings.survey import Survey, survey
from dashboard.fleet.findings.words import label
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.queries.server import ServerFigures

Severity = Literal["ok", "late", "stuck", "unknown"]
Identity = tuple[str, bytes | None, bytes | None, bytes | None]
"""What makes a finding the same from round to round: its kind, stream, group and consumer."""
Recorded = Callable[[Identity], int | None]
"""Since when a finding stands by what was recorded of it before; None for a new one."""


def nothing_recorded(identity: Identity) -> None:
    """Where nothing is."""


RANK: dict[str, int] = {"stuck": 0, "late": 1, "unknown": 2, "ok": 3}
ABOUT_AS_OLD = 1.25
"""Ages within this factor are about the same."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is too long (milliseconds), how often too often."""

    late_ms: int = 60_000
    stuck_ms: int = 300_000
    gone_ms: int = 3_600_000
    poison: int = 5

    def severity(self, ms: int) -> Severity:
        """Of what has lasted that long, and is late at least."""
        return "stuck" if ms >= self.stuck_ms else "late"


@dataclass(frozen=True, slots=True)
class Movement:
    """What earlier rounds know of a group. `fell`: consumers whose pending entries were acknowledged lately."""

    fell: frozenset[bytes] = frozenset()
    in_rate: float | None = None
    out_rate: float | None = None
    lag_before: int | None = None
    """The lag about a minute ago."""
    still_ms: int = 0
    """How long the group's position has not moved, as far as we have watched."""
    working: frozenset[bytes] = frozenset()
    """Consumers that work through what they hold: the oldest of it was acknowledged lately."""
    quiet_ms: Mapping[bytes, int] = field(default_factory=dict)
    """Per consumer, how long ago the oldest of what it holds was last acknowledged."""
    rising_ms: Mapping[bytes, int] = field(default_factory=dict)
    """Per consumer, for how long what it holds has only grown."""
    lags: tuple[tuple[int, int | None], ...] = ()
    """The lag in entries and in milliseconds a minute ago, half a minute ago and now; () when not watched so long."""
    delivered_ms: int | None = None
    """How long ago, at most, the position was last seen to move on; None: it never did while we watched."""
    waiting_ms: int = 0
    """How long entries have waited behind the position where it stands, as far as we have watched."""
    oldest_ms: int = 0
    """How long the oldest pending entry has been the same, as far as we have watched."""
    released_ms: int = 0
    """How long ago the first of the entries that are released now was seen to be so."""
    removed_rate: float | None = None
    """Entries trimmed from the stream per second, lately; None where it is not trimmed again and again."""
    lost: int = 0
    """Entries that were removed before the group read them, since we watch."""
    never_had: int = 0
    """Of the entries that are missing before the next one, those that were before the group was first seen."""
    lost_ms: int | None = None
    """How long ago the last of them went."""
    survey: Survey | None = None
    """What was counted in the pending list; None: judge by the entries of this round."""


@dataclass(frozen=True, slots=True)
class StreamMovement:
    """What earlier rounds know of a stream. Times in milliseconds."""

    in_rate: float | None = None
    grew_ms: int | None = None
    """How long ago an entry was last seen to be added; None: never, as far as we have watched."""
    grown: int = 0
    """How many were added since we watch."""
    gaps: tuple[int, ...] = ()
    """Between the last additions that were seen."""
    vanished: Mapping[bytes, int] = field(default_factory=dict)
    """Groups that were there and are gone, and how long ago that was first seen."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs attention. `oldest_ms` comes first on every page: how long it lasts.

    `message` is the reason in one sentence without a full stop, `detail` the evidence beside it.
    """

    severity: Severity
    kind: str
    stream: bytes | None
    group: bytes | None
    message: str
    detail: str = ""
    consumer: bytes | None = None
    count: int | None = None
    count_least: bool = False
    count_about: bool = False
    """Whether the server is known to miscount it."""
    oldest_ms: int = 0
    since_ms: int = 0
    evidence: dict[str, object] = field(default_factory=dict)

    @property
    def urgency(self) -> tuple[int, int, int]:
        """Sorts what is worst first, then what lasts longest; of what lasts about as long, what holds most entries."""
        return RANK[self.severity], -round(math.log(1 + self.oldest_ms / 1000, ABOUT_AS_OLD)), -(self.count or 0)

    @property
    def label(self) -> str:
        """What it is called on a page."""
        return label(self.kind, self.severity)

    @property
    def identity(self) -> Identity:
        return (self.kind, self.stream, self.group, self.consumer)


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """What a rule about a group judges: the group and its stream as sampled, what earlier rounds know, the limits."""

    stream: StreamSample
    group: GroupSample
    moved: Movement
    limits: Limits

    @property
    def survey(self) -> Survey:
        """The counts over the pending list, of all rounds or else of this one."""
        if self.moved.survey is not None:
            return self.moved.survey
        group, limits = self.group, self.limits
        return survey(
            group.looked,
            ghosts=group.ghosts,
            complete=group.saw_all,
            late_ms=limits.late_ms,
            poison=limits.poison,
        )

    def finding(self, severity: Severity, kind: str, message: str, **more: Any) -> Finding:
        """A finding about this group; `more` as the fields of Finding."""
        return Finding(severity, kind, self.stream.facts.key, self.group.facts.name, message, **more)


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """What a rule about a stream judges."""

    stream: StreamSample
    moved: StreamMovement
    limits: Limits

    def finding(self, severity: Severity, kind: str, message: str, **more: Any) -> Finding:
        """A finding about this stream; `more` as the fields of Finding, its group if it is about one."""
        return Finding(severity, kind, self.stream.facts.key, more.pop("group", None), message, **more)


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """What a rule about a server judges. `recent`: errors answered within STUCK_AFTER, by code."""

    figures: ServerFigures
    recent: Mapping[str, int]
    limits: Limits

    def finding(self, severity: Severity, kind: str, message: str, **more: Any) -> Finding:
        """A finding about the server; `more` as the fields of Finding."""
        return Finding(severity, kind, None, None, message, **more)
