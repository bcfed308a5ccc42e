"""All rules, and the judgement they make together: what was sampled in, findings with their reason in words out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dashboard.fleet.findings.model import Finding, GroupSeen, Limits, Movement
from dashboard.fleet.findings.pending.ghosts import ghosts
from dashboard.fleet.findings.pending.poison import poison
from dashboard.fleet.findings.pending.stuck import stuck
from dashboard.fleet.findings.reading.falling_behind import falling_behind
from dashboard.fleet.findings.reading.lag_unknown import lag_unknown
from dashboard.fleet.findings.reading.no_consumer import no_consumer
from dashboard.streams.queries.sampling import StreamSample

GROUP_RULES: tuple[Callable[[GroupSeen], Iterator[Finding]], ...] = (
    stuck,
    poison,
    ghosts,
    no_consumer,
    falling_behind,
    lag_unknown,
)


def judge(sample: StreamSample, movements: Mapping[bytes, Movement], limits: Limits) -> list[Finding]:
    """Findings of one stream, the most urgent first. `movements` by group name."""
    groups = (GroupSeen(sample, g, movements.get(g.facts.name, Movement()), limits) for g in sample.groups)
    found = [finding for seen in groups for rule in GROUP_RULES for finding in rule(seen)]
    return sorted(found, key=lambda finding: finding.urgency)
