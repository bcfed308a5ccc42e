"""A server as it was last sampled: immutable, replaced as a whole when a round is complete. Readers never wait."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from dashboard.display.format import plural
from dashboard.fleet.findings.model import RANK, Finding, Severity
from dashboard.streams.figures import Figure, largest, total
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.queries.server import ServerFigures
from dashboard.streams.snapshots import NOT_LOOKED_AT, NOTHING_PENDING, ServerInfo, added


class History(Protocol):
    """What earlier rounds saw of a stream, for sparklines: the oldest value first, None for a hole."""

    def in_trend(self) -> tuple[float | None, ...]: ...

    def trend_ms(self) -> int: ...

    def pending_trend(self, group: bytes) -> tuple[float | None, ...]: ...

    def lag_trend(self, group: bytes) -> tuple[float | None, ...]: ...


@dataclass(frozen=True)
class StreamState:
    """A stream as last sampled, with what was made of it. Rates in entries per second, None before two samples.

    `out_rates` are in the order of the groups of `sample`. What follows from the sample is worked out once, by the
    first page that needs it: lists sort by it.
    """

    sample: StreamSample
    findings: tuple[Finding, ...] = ()
    in_rate: float | None = None
    out_rates: tuple[float | None, ...] = ()
    history: History | None = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> bytes:
        return self.sample.facts.key

    @cached_property
    def health(self) -> Severity:
        return worst(self.findings, blind=bool(self.unchecked or self.sample.left_out))

    @cached_property
    def unchecked(self) -> int:
        """Groups in which there may be more than was found: not looked into yet, not to the end, or not allowed."""
        return sum(group.blind for group in self.sample.groups)

    @property
    def in_trend(self) -> tuple[float | None, ...]:
        """The rate in, lately, for a sparkline."""
        return self.history.in_trend() if self.history else ()

    @property
    def trend_ms(self) -> int:
        """How long a time `in_trend` covers."""
        return self.history.trend_ms() if self.history else 0

    def pending_trend(self, group: bytes) -> tuple[float | None, ...]:
        """What a group held, lately."""
        return self.history.pending_trend(group) if self.history else ()

    def lag_trend(self, group: bytes) -> tuple[float | None, ...]:
        """What lay behind a group, lately."""
        return self.history.lag_trend(group) if self.history else ()

    def at_rest(self, in_rate: float | None, out: Mapping[bytes, float | None]) -> StreamState:
        """The same, with the rates of a round in which nothing changed. `out`: by group."""
        out_rates = tuple(out.get(group.facts.name) for group in self.sample.groups)
        return replace(self, in_rate=in_rate, out_rates=out_rates)

    def out_rate(self, group: bytes) -> float | None:
        names = (known.facts.name for known in self.sample.groups)
        return next((rate for name, rate in zip(names, self.out_rates, strict=False) if name == group), None)

    def group_health(self, group: bytes) -> Severity:
        """`unknown` where nothing was found but not all could be looked at, or the group was not there yet."""
        known = self.group(group)
        return worst(tuple(f for f in self.findings if f.group == group), blind=known is None or known.blind)

    def group(self, name: bytes) -> GroupSample | None:
        """A group as it was sampled; None when it was not there yet."""
        return next((group for group in self.sample.groups if group.facts.name == name), None)

    @cached_property
    def pending(self) -> Figure:
        """What is pending in all groups together."""
        return total([*(Figure(group.facts.pending) for group in self.sample.groups), *self._left_out])

    @cached_property
    def lag(self) -> Figure:
        """The worst lag of any group."""
        return largest([*(group.facts.lag for group in self.sample.groups), *self._left_out])

    @cached_property
    def total_lag(self) -> Figure:
        return total([*(group.facts.lag for group in self.sample.groups), *self._left_out])

    @property
    def _left_out(self) -> tuple[Figure, ...]:
        """What groups that were not looked at add to a sum: nobody knows."""
        return (Figure(None, self.sample.left_out),) if self.sample.left_out else ()

    @cached_property
    def oldest_pending(self) -> Figure:
        """Milliseconds since the oldest pending entry of any group was added; unknown with the reason."""
        ages = [oldest_of(group, self.sample.now_ms) for group in self.sample.groups if group.facts.pending]
        return largest([*ages, *self._left_out]) if ages or self._left_out else Figure(None, NOTHING_PENDING)

    @property
    def oldest_pending_ms(self) -> int | None:
        return self.oldest_pending.value


def oldest_of(group: GroupSample, now_ms: int) -> Figure:
    """Milliseconds since the oldest pending entry of a group was added; unknown with the reason."""
    return added(group.looked[0], now_ms) if group.looked else Figure(None, group.refused or NOT_LOOKED_AT)


def worst(findings: tuple[Finding, ...], *, blind: bool = False) -> Severity:
    """The health that follows from findings. Without any, what could not be looked into is unknown, not ok."""
    return min((f.severity for f in findings), key=RANK.__getitem__, default="unknown" if blind else "ok")


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """One server. `at` (epoch seconds): when the last complete round ended, None before the first.

    `error`: why the latest round failed, in a sentence; the values then are those of `at`.
    `gaps`: what of it the server does not let us read, in a sentence, though it answers.
    `complete`: whether the inventory was finished; else `streams` is a part of it.
    `left_out`: why some of its streams are not in `streams`, "" when none is left out; a part of `gaps`.
    """

    name: str
    at: float | None = None
    now_ms: int = 0
    info: ServerInfo | None = None
    error: str = ""
    gaps: str = ""
    left_out: str = ""
    unchecked: int = 0
    """Groups in which there may be more than was found."""
    down_since: float | None = None
    complete: bool = False
    streams: Mapping[bytes, StreamState] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    """About the server itself."""
    vanished: tuple[Finding, ...] = ()
    """About groups that are gone with their stream."""
    figures: ServerFigures | None = None
    cost: float = 0.0
    """Seconds the last round took."""
    derived: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What readers worked out from it, for those who come after them; it goes with the round."""

    @property
    def unread(self) -> str:
        """Why not everything of it is known; "" when all of it is, as of `at`."""
        if self.error:
            return self.error
        if self.at is None:
            return "It has not been read yet."
        if self.gaps or not self.complete:
            return self.gaps or "Its streams are still being counted."
        return f"{plural(self.unchecked, 'group')} not checked to the end yet." if self.unchecked else ""

    @property
    def uncounted(self) -> str:
        """Why `streams` is not all of it; "" when it is, as of `at`, whatever else could not be read."""
        if self.at is None:
            return self.error or "It has not been read yet."
        return self.left_out or ("" if self.complete else "Its streams are still being counted.")

    @property
    def at_ms(self) -> int | None:
        """`at` in milliseconds of our own clock."""
        return None if self.at is None else int(self.at * 1000)

    @property
    def present_ms(self) -> int:
        """The server's clock now: what it last said, and what has passed since by our own."""
        return self.now_ms + (0 if self.at is None else max(0, int((time.time() - self.at) * 1000)))
