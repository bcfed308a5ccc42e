"""Pure judgement: what was sampled, and how long that is allowed to last, in; findings with their reason in words, out.

A consumer's idle time is no proof of death (a parked reader, a busy batch, an old server's clock): what counts are
entries that nobody touched, and whether anything moves. The word is "silent", never "dead".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from dashboard.display.format import age, number, plural, rate
from dashboard.streams.names import plain
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.snapshots import ConsumerFacts, PendingEntry

Severity = Literal["ok", "late", "stuck", "unknown"]
ConsumerState = Literal["working", "waiting", "silent", "gone"]
RANK: dict[str, int] = {"stuck": 0, "late": 1, "unknown": 2, "ok": 3}
WORDS = {
    "stuck": "Stuck",
    "poison": "Poison",
    "silent_consumer": "Silent consumer",
    "ghosts": "No body",
    "no_consumer": "No consumer",
    "falling_behind": "Falling behind",
    "lag_unknown": "Lag unknown",
}
"""What each kind of finding is called on a page."""
ABOUT_AS_OLD = 1.25
"""Ages within this factor are about the same."""
SILENT_EACH = 3
"""Silent consumers of one group that get a finding of their own, those that hold most; the group's counts all."""


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


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs attention. `oldest_ms` comes first on every page: how long it lasts.

    `message` is the reason in one sentence without a full stop, `detail` the evidence beside it.
    """

    severity: Severity
    kind: str
    stream: bytes
    group: bytes | None
    message: str
    detail: str = ""
    consumer: bytes | None = None
    count: int | None = None
    count_least: bool = False
    oldest_ms: int = 0
    since_ms: int = 0
    evidence: dict[str, object] = field(default_factory=dict)

    @property
    def urgency(self) -> tuple[int, int, int]:
        """Sorts what is worst first, then what lasts longest; of what lasts about as long, what holds most entries."""
        return RANK[self.severity], -round(math.log(1 + self.oldest_ms / 1000, ABOUT_AS_OLD)), -(self.count or 0)

    @property
    def identity(self) -> tuple[object, ...]:
        return (self.kind, self.stream, self.group, self.consumer)


def judge(sample: StreamSample, movements: dict[bytes, Movement], limits: Limits) -> list[Finding]:
    """Findings of one stream, the most urgent first. `movements` by group name."""
    found = [
        finding
        for group in sample.groups
        for finding in _group_findings(sample, group, movements.get(group.facts.name, Movement()), limits)
    ]
    return sorted(found, key=lambda finding: finding.urgency)


def _group_findings(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Iterator[Finding]:
    yield from _stuck(s, g, moved, limits)
    for rule in (_poison, _ghosts, _no_consumer, _falling_behind, _lag_unknown):
        finding = rule(s, g, moved, limits)
        if finding:
            yield finding


def consumer_state(
    consumer: ConsumerFacts, sample: StreamSample, group: GroupSample, moved: Movement, limits: Limits
) -> tuple[ConsumerState, Severity, str]:
    """The state of a consumer, how that is, and why in a few words."""
    if consumer.pending:
        if _is_silent(consumer, group, moved, limits):
            return "silent", "stuck", f"holds {number(consumer.pending)}, has not read for {age(consumer.idle_ms)}"
        return "working", "ok", ""
    if consumer.idle_ms >= limits.late_ms and _passed_by(consumer, sample, group):
        if consumer.idle_ms >= limits.gone_ms:
            return "gone", "unknown", "holds nothing"
        return "waiting", "unknown", f"has not read for {age(consumer.idle_ms)}, others have"
    if consumer.inactive_ms is not None and 0 <= consumer.inactive_ms < limits.late_ms:
        return "working", "ok", ""
    return "waiting", "ok", "nothing new" if group.facts.lag.value == 0 else f"last read {age(consumer.idle_ms)} ago"


def _is_silent(consumer: ConsumerFacts, group: GroupSample, moved: Movement, limits: Limits) -> bool:
    """Holds entries, has not read, what it holds has not been touched, and nothing of it was acknowledged lately."""
    if not consumer.pending or consumer.idle_ms < limits.late_ms or consumer.name in moved.fell:
        return False
    own = [entry.idle_ms for entry in group.looked if entry.consumer == consumer.name]
    return not own or max(own) >= limits.late_ms


def _passed_by(consumer: ConsumerFacts, sample: StreamSample, group: GroupSample) -> bool:
    """Whether the group was delivered something since this consumer last tried: a parked reader would have got it."""
    delivered = group.facts.last_delivered_id.age_ms(sample.now_ms)
    return delivered is not None and delivered < consumer.idle_ms - 1000


def _stuck(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Iterator[Finding]:
    """Entries nobody touched for too long: a finding for the group, and one for each silent holder of several."""
    silent = [c for c in g.consumers if _is_silent(c, g, moved, limits)]
    names = {c.name for c in silent}
    old = [e for e in g.looked if e.idle_ms >= limits.late_ms and e.consumer not in names]
    if not silent and not old:
        return
    count = sum(c.pending for c in silent) + len(old)
    worst = max([*(c.idle_ms for c in silent), *(e.idle_ms for e in g.looked if e.idle_ms >= limits.late_ms)])
    holders = names | {e.consumer for e in old}
    message, detail = _stuck_words(g, silent, old, holders, worst, count)
    yield Finding(
        limits.severity(worst),
        "stuck",
        stream=s.facts.key,
        group=g.facts.name,
        message=message,
        detail=detail,
        consumer=next(iter(holders)) if len(holders) == 1 and b"" not in holders else None,
        count=count,
        count_least=bool(old) and not g.saw_all,
        oldest_ms=worst,
        evidence={"pending": g.facts.pending, "holders": len(holders), "looked_at": len(g.looked)},
    )
    if len(holders) > 1:
        worst_first = sorted(silent, key=lambda c: (-c.pending, c.name))
        yield from (_silent_consumer(s, g, c, limits) for c in worst_first[:SILENT_EACH])


def _silent_consumer(s: StreamSample, g: GroupSample, c: ConsumerFacts, limits: Limits) -> Finding:
    return Finding(
        limits.severity(c.idle_ms),
        "silent_consumer",
        stream=s.facts.key,
        group=g.facts.name,
        consumer=c.name,
        message=f"{_who(c.name)} has been silent for {age(c.idle_ms)} and holds {_entries(c.pending)}",
        count=c.pending,
        oldest_ms=c.idle_ms,
        evidence={"idle_ms": c.idle_ms, "pending": c.pending},
    )


def _stuck_words(
    g: GroupSample, silent: list[ConsumerFacts], old: list[PendingEntry], holders: set[bytes], worst: int, count: int
) -> tuple[str, str]:
    others = sum(c.name not in holders for c in g.consumers)
    if len(holders) > 1:
        return (
            f"{len(holders)} consumers hold entries that nobody has touched for up to {age(worst)}",
            f"{number(len(silent))} of them are silent.",
        )
    name = _who(next(iter(holders)))
    if silent:
        return f"{name} has been silent for {age(silent[0].idle_ms)} and holds {_share(count, g)}", _others(others)
    consumer = next((c for c in g.consumers if c.name in holders), None)
    alive = f"It read {age(consumer.idle_ms)} ago. " if consumer else ""
    return (
        f"{name} is alive and has not acknowledged {_entries(count)} for {age(worst)}",
        f"{alive}A slow or failing handler, or an earlier process of the same name.",
    )


def _share(count: int, g: GroupSample) -> str:
    if count < g.facts.pending:
        return f"{number(count)} of {number(g.facts.pending)} pending entries"
    return "the only pending entry" if count == 1 else f"all {number(count)} pending entries"


def _who(consumer: bytes) -> str:
    """A consumer may be called nothing at all."""
    return plain(consumer) or "The consumer without a name"


def _others(count: int) -> str:
    if count == 0:
        return "The group has no other consumer."
    who = "The other consumer is" if count == 1 else f"The other {number(count)} consumers are"
    return f"{who} there. Nobody has claimed the entries."


def _poison(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Finding | None:
    """Delivered again and again: also with an idle time of a second, when a loop keeps claiming it."""
    bad = [e for e in g.looked if e.deliveries >= limits.poison]
    if not bad:
        return None
    most = max(e.deliveries for e in bad)
    return Finding(
        "stuck",
        "poison",
        stream=s.facts.key,
        group=g.facts.name,
        message=f"Delivered {number(most)} times, never acknowledged"
        if len(bad) == 1
        else f"Delivered up to {number(most)} times, never acknowledged",
        detail=f"First of them: {bad[0].id}, now with {plain(bad[0].consumer) or 'nobody'}.",
        count=len(bad),
        count_least=not g.saw_all,
        oldest_ms=max(e.age_ms(s.now_ms) for e in bad),
        evidence={"deliveries": most, "id": str(bad[0].id)},
    )


def _ghosts(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Finding | None:
    if not g.ghosts:
        return None
    verb = "entry no longer exists" if g.ghosts == 1 else "entries no longer exist"
    return Finding(
        "late",
        "ghosts",
        stream=s.facts.key,
        group=g.facts.name,
        message=f"{number(g.ghosts)} pending {verb} in the stream",
        detail="Trimmed or deleted while pending: their content is lost, and nobody can process them.",
        count=g.ghosts,
        count_least=not g.saw_all,
        oldest_ms=max((e.idle_ms for e in g.looked[:1]), default=0),
        evidence={"pending": g.facts.pending},
    )


def _no_consumer(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Finding | None:
    """Entries wait, and nobody reads: no consumer at all, or none that has tried for too long.

    A consumer parked in a blocking read is served at once, so with entries waiting a long idle time means absence.
    """
    waiting = g.facts.lag.value
    if waiting == 0 or s.facts.length == 0:
        return None
    quiet = min((c.idle_ms for c in g.consumers), default=None)
    if quiet is not None and (quiet < limits.late_ms or any(c.name in moved.fell for c in g.consumers)):
        return None
    oldest = _first_waiting_ms(s, g)
    if oldest < limits.late_ms:
        return None
    left = "Entries wait" if waiting is None else plural(waiting, "entry waits", "entries wait")
    some = plural(g.facts.consumers, "consumer is", "consumers are")
    return Finding(
        "late",
        "no_consumer",
        stream=s.facts.key,
        group=g.facts.name,
        message="The group has no consumer" if quiet is None else f"No consumer has read for {age(quiet)}",
        detail=f"{left}." if quiet is None else f"{left}; {some} registered.",
        count=waiting,
        oldest_ms=oldest if quiet is None else min(oldest, quiet),
        evidence={"consumers": g.facts.consumers},
    )


def _first_waiting_ms(s: StreamSample, g: GroupSample) -> int:
    """A bound for how long the first undelivered entry has waited: it came after the position and the first entry."""
    first = s.facts.first_id
    after = max(g.facts.last_delivered_id, first) if first else g.facts.last_delivered_id
    return after.age_ms(s.now_ms) or 0


def _falling_behind(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Finding | None:
    now, before = g.facts.lag.value, moved.lag_before
    if now is None or before is None or now < 100 or now < before * 1.2 or moved.in_rate is None:
        return None
    out = moved.out_rate or 0.0
    if out >= moved.in_rate:
        return None
    return Finding(
        "late",
        "falling_behind",
        stream=s.facts.key,
        group=g.facts.name,
        message=f"In {rate(moved.in_rate)}, out {rate(out)}: the lag grows",
        detail=f"It was {number(before)} a minute ago. {plural(g.facts.consumers, 'consumer')}.",
        count=now,
        oldest_ms=_first_waiting_ms(s, g),
        evidence={"in_rate": moved.in_rate, "out_rate": out},
    )


def _lag_unknown(s: StreamSample, g: GroupSample, moved: Movement, limits: Limits) -> Finding | None:
    """Redis lost count. Not worth a line on servers that never count, or while somebody reads."""
    lag = g.facts.lag
    counts = s.facts.entries_added is not None
    if lag.value is not None or not counts or moved.still_ms < limits.late_ms:
        return None
    return Finding(
        "unknown",
        "lag_unknown",
        stream=s.facts.key,
        group=g.facts.name,
        message="The position was set in mid-stream, or unread entries were deleted",
        detail="Redis cannot count from there until the group has read to the end.",
        oldest_ms=moved.still_ms,
    )


def _entries(count: int) -> str:
    return plural(count, "entry", "entries")
