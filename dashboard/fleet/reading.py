"""The fleet as one principal may see it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from dashboard.accounts.access import may, may_all, visible_servers
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.fleet.findings.consumers import ConsumerState, consumer_state
from dashboard.fleet.findings.model import Finding, Identity, Severity
from dashboard.fleet.findings.server.unreachable import unreachable
from dashboard.fleet.incidents.ledger import OpenIncident
from dashboard.fleet.limits import limits
from dashboard.fleet.samplers import fleet
from dashboard.fleet.snapshots import ServerSnapshot, StreamState
from dashboard.streams import links
from dashboard.streams.figures import Figure, Rate, total, total_rate
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview, PendingEntry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Located:
    """A finding and the server it is on. `state`: the stream it is about; None when that is gone or there is none.

    `incident`: what is recorded of it; None while nothing is.
    """

    server: links.Server
    finding: Finding
    state: StreamState | None
    incident: OpenIncident | None = None

    @property
    def is_muted(self) -> bool:
        return self.incident is not None and self.incident.is_muted


@dataclass(frozen=True, slots=True)
class Outage:
    """A server that cannot be read: first of all that needs attention. What is known of it is that old."""

    server: links.Server
    snapshot: ServerSnapshot

    @property
    def since_ms(self) -> int | None:
        """When it was first found so, in milliseconds of our own clock."""
        return None if self.snapshot.down_since is None else int(self.snapshot.down_since * 1000)

    @property
    def finding(self) -> Finding:
        """What it is in a list of findings."""
        now_ms = int(time.time() * 1000)
        return unreachable(self.snapshot.error, self.since_ms or now_ms, now_ms)

    @property
    def located(self) -> Located:
        finding = self.finding
        return Located(self.server, finding, None, fleet().sampler(self.server).incidents.of(finding.identity))


@dataclass(frozen=True, slots=True)
class Sums:
    """What the visible streams of one server come to. A rate is None where there is nothing that has one."""

    streams: int
    groups: int
    pending: Figure
    lag: Figure
    in_rate: Rate | None
    out_rate: Rate | None


def visible(principal: Principal, snapshot: ServerSnapshot) -> Sequence[StreamState]:
    """The streams of a server that the principal may see, by key. Rights are asked stream by stream, once a round."""
    return once(principal, snapshot, "visible", lambda: _visible(principal, snapshot))


def streams_counted(principal: Principal, snapshot: ServerSnapshot) -> Figure:
    """How many streams of a server the principal may see."""
    why = snapshot.uncounted
    return total([Figure(len(visible(principal, snapshot))), *([Figure(None, why)] if why else [])])


def sums(principal: Principal, snapshot: ServerSnapshot) -> Sums:
    """Of the streams that the principal may see; worked out once a round."""
    return once(principal, snapshot, "sums", lambda: _sums(principal, snapshot))


def once(principal: Principal, snapshot: ServerSnapshot, name: str, work: Callable[[], T]) -> T:
    """What `work` makes of what the principal may see, under a `name` that nothing else has.

    The same for everybody with the same grants, as long as the round is the latest.
    """
    key = (name, principal.grants)
    if key not in snapshot.derived:
        snapshot.derived[key] = work()
    found: T = snapshot.derived[key]
    return found


def _visible(principal: Principal, snapshot: ServerSnapshot) -> Sequence[StreamState]:
    states = [state for _, state in sorted(snapshot.streams.items())]
    if may_all(principal, Permission.SEE, snapshot.name):
        return tuple(states)
    return tuple(state for state in states if may(principal, Permission.SEE, snapshot.name, state.key))


def _sums(principal: Principal, snapshot: ServerSnapshot) -> Sums:
    states = visible(principal, snapshot)
    out_rates = [rate for state in states for rate in state.out_rates]
    return Sums(
        streams=len(states),
        groups=sum(state.sample.facts.groups for state in states),
        pending=total(state.pending for state in states),
        lag=total(state.total_lag for state in states),
        in_rate=total_rate(state.in_rate for state in states) if states else None,
        out_rate=total_rate(out_rates) if out_rates else None,
    )


def _judged(principal: Principal, snapshot: ServerSnapshot) -> Sequence[StreamState]:
    """Those with findings: few, while every page counts them. By key."""
    return once(principal, snapshot, "judged", lambda: _with_findings(principal, snapshot))


def _with_findings(principal: Principal, snapshot: ServerSnapshot) -> Sequence[StreamState]:
    found = [state for state in snapshot.streams.values() if state.findings]
    seen = [state for state in found if may(principal, Permission.SEE, snapshot.name, state.key)]
    return sorted(seen, key=lambda state: state.key)


def findings_for(principal: Principal, *, server: str | None = None, kind: str | None = None) -> list[Located]:
    """Findings the principal may see, the most urgent first, those of servers that cannot be read in front."""
    outages = [outage.located for outage in outages_for(principal)]
    silent = [each for each in outages if server in (None, each.server.name) and kind in (None, each.finding.kind)]
    found = [
        located
        for watched in links.all()
        if server in (None, watched.name)
        for located in _located(principal, watched)
        if kind in (None, located.finding.kind)
    ]
    return silent + sorted(found, key=lambda located: located.finding.urgency)


def _located(principal: Principal, watched: links.Server) -> list[Located]:
    snapshot = fleet().freshen(watched)
    of = fleet().sampler(watched).incidents.of
    of_none = [*_of_server(principal, snapshot), *_vanished(principal, snapshot)]
    of_server = [Located(watched, finding, None, of(finding.identity)) for finding in of_none]
    judged = _judged(principal, snapshot)
    return of_server + [Located(watched, f, state, of(f.identity)) for state in judged for f in state.findings]


def _of_server(principal: Principal, snapshot: ServerSnapshot) -> tuple[Finding, ...]:
    """Findings about a server itself: for those who may see the server."""
    seen = {server.name for server in visible_servers(principal)}
    return snapshot.findings if snapshot.name in seen else ()


def _vanished(principal: Principal, snapshot: ServerSnapshot) -> list[Finding]:
    """Findings about streams that are gone: for those who might see them if they were there."""
    return [f for f in snapshot.vanished if f.stream and may(principal, Permission.SEE, snapshot.name, f.stream)]


def outages_for(principal: Principal) -> list[Outage]:
    """Servers the principal may see that cannot be read, those that were so first in front. Asks no server."""
    watched = ((server, fleet().sampler(server).snapshot) for server in visible_servers(principal))
    found = [Outage(server, snapshot) for server, snapshot in watched if snapshot.error]
    return sorted(found, key=lambda outage: outage.since_ms or 0)


def attention_count(principal: Principal) -> int | None:
    """How many findings and outages there are for the principal, those that are muted left out. Asks no server.

    None while nothing is known.
    """
    snapshots = fleet().current()
    outages = outages_for(principal)
    if not outages and all(snapshot.at is None for snapshot in snapshots):
        return None
    out = sum(not outage.located.is_muted for outage in outages)
    of_servers = sum(len(_of_server(principal, snapshot)) for snapshot in snapshots)
    of_streams = sum(len(state.findings) for snapshot in snapshots for state in _judged(principal, snapshot))
    gone = sum(len(_vanished(principal, snapshot)) for snapshot in snapshots)
    return out + of_servers + of_streams + gone - _muted_count(principal)


def _muted_count(principal: Principal) -> int:
    """How many of the findings about servers and streams that the principal may see are muted: few ever are."""
    servers = [fleet().sampler(server) for server in visible_servers(principal)]
    return sum(
        may(principal, Permission.SEE, sampler.server.name, identity[1]) and _stands(sampler.snapshot, identity)
        for sampler in servers
        for identity in sampler.incidents.ledger.muted_now()
    )


def _stands(snapshot: ServerSnapshot, identity: Identity) -> bool:
    state = snapshot.streams.get(identity[1]) if identity[1] is not None else None
    about = state.findings if state else ()
    return any(f.identity == identity for found in (about, snapshot.findings, snapshot.vanished) for f in found)


def matches(key: bytes, search: str) -> bool:
    """A part of the name, or the whole of it where the search has a * or a ?. Letters large or small.

    A bracket is only itself: in names it is more often one than a set of characters.
    """
    if not search:
        return True
    is_pattern = "*" in search or "?" in search
    if not is_pattern and key.isascii() and search.isascii():  # nearly always, and ten thousand times for a page
        return search.lower().encode() in key.lower()
    wanted, name = search.casefold(), key.decode(errors="surrogateescape").casefold()
    return fnmatchcase(name, wanted.replace("[", "[[]")) if is_pattern else wanted in name


class Judge:
    """Judges the consumers of a group as it is now, by the pending entries that the fleet has looked at."""

    def __init__(self, server: links.Server, now: GroupOverview, state: StreamState | None) -> None:
        known = state.group(now.group.name) if state else None
        oldest = (now.group.oldest,) if now.group.oldest else ()
        looked, firsts = (known.looked, known.firsts) if known else (oldest, ())
        self.group = GroupSample(now.group, now.consumers, looked, firsts=firsts)
        replica = server.is_replica
        self._stream = StreamSample(now.stream, (self.group,), now.now_ms, replica=replica)
        self._moved = fleet().sampler(server).movement(now.stream.key, now.group.name, now.now_ms)
        self._limits = limits()
        self._own: dict[bytes, list[PendingEntry]] = defaultdict(list)
        for entry in self.group.looked:
            self._own[entry.consumer].append(entry)

    @property
    def on_replica(self) -> bool:
        """Whether nothing can be concluded from idle times."""
        return self._stream.replica

    def held(self, consumer: bytes) -> Sequence[PendingEntry]:
        """What the fleet has looked at of what it holds."""
        return self._own.get(consumer, ())

    def state(self, consumer: ConsumerFacts) -> tuple[ConsumerState, Severity, str]:
        """As `findings.consumer_state`."""
        own = replace(self.group, looked=tuple(self.held(consumer.name)))
        return consumer_state(consumer, self._stream, own, self._moved, self._limits)
