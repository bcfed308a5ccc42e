"""All rules, and the judgement they make together: what was sampled in, findings with their reason in words out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dashboard.fleet.findings.model import (
    Finding,
    GroupSeen,
    Limits,
    Movement,
    ServerSeen,
    StreamMovement,
    StreamSeen,
)
from dashboard.fleet.findings.pending.ghosts import ghosts
from dashboard.fleet.findings.pending.held_long import held_long
from dashboard.fleet.findings.pending.never_acknowledges import never_acknowledges
from dashboard.fleet.findings.pending.poison import poison
from dashboard.fleet.findings.pending.released import released
from dashboard.fleet.findings.pending.stuck import stuck
from dashboard.fleet.findings.reading.falling_behind import falling_behind
from dashboard.fleet.findings.reading.lag_unknown import lag_unknown
from dashboard.fleet.findings.reading.no_consumer import no_consumer
from dashboard.fleet.findings.reading.orphan_consumers import orphan_consumers
from dashboard.fleet.findings.reading.position_ahead import position_ahead
from dashboard.fleet.findings.reading.position_lost import position_lost
from dashboard.fleet.findings.reading.will_lose import will_lose
from dashboard.fleet.findings.server.memory import memory
from dashboard.fleet.findings.server.no_group_errors import no_group_errors
from dashboard.fleet.findings.server.refuses_writes import refuses_writes
from dashboard.fleet.findings.server.replica import replica
from dashboard.fleet.findings.stream.dead_letters import dead_letters
from dashboard.fleet.findings.stream.group_vanished import group_vanished
from dashboard.fleet.findings.stream.id_ahead import id_ahead
from dashboard.fleet.findings.stream.silent_stream import silent_stream
from dashboard.fleet.findings.stream.unbounded import unbounded
from dashboard.streams.queries.sampling import StreamSample

GROUP_RULES: tuple[Callable[[GroupSeen], Iterator[Finding]], ...] = (
    stuck,
    poison,
    ghosts,
    no_consumer,
    falling_behind,
    lag_unknown,
    released,
    held_long,
    never_acknowledges,
    position_ahead,
    position_lost,
    will_lose,
    orphan_consumers,
)
AT_REST: tuple[Callable[[GroupSeen], Iterator[Finding]], ...] = (position_ahead, position_lost)
"""Those that find something about a group that holds nothing and has been delivered everything."""
STREAM_RULES: tuple[Callable[[StreamSeen], Iterator[Finding]], ...] = (
    silent_stream,
    unbounded,
    dead_letters,
    id_ahead,
    group_vanished,
)
SERVER_RULES: tuple[Callable[[ServerSeen], Iterator[Finding]], ...] = (
    memory,
    refuses_writes,
    replica,
    no_group_errors,
)


def judge(
    sample: StreamSample, movements: Mapping[bytes, Movement], limits: Limits, moved: StreamMovement | None = None
) -> list[Finding]:
    """Findings of one stream, the most urgent first. `movements` by group name, `moved` of the stream."""
    stream = StreamSeen(sample, moved or StreamMovement(), limits)
    groups = (GroupSeen(sample, g, movements.get(g.facts.name, Movement()), limits) for g in sample.groups)
    found = [finding for seen in groups for rule in _rules(seen) for finding in rule(seen)]
    found += [finding for about_stream in STREAM_RULES for finding in about_stream(stream)]
    return sorted(found, key=lambda finding: finding.urgency)


def _rules(seen: GroupSeen) -> tuple[Callable[[GroupSeen], Iterator[Finding]], ...]:
    return GROUP_RULES if seen.group.worth_a_look else AT_REST


def judge_server(seen: ServerSeen) -> list[Finding]:
    """Findings about a server itself, the most urgent first."""
    found = [finding for rule in SERVER_RULES for finding in rule(seen)]
    return sorted(found, key=lambda finding: finding.urgency)
