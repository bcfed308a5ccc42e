"""What pages show of a sample, as a number to compare: whoever watches reads again only when something is new.

Ages that grow on the page by themselves, and what wavers in each round without meaning anything (memory, clients), are
left out; those are read again every QUIET seconds all the same.
"""

from __future__ import annotations

from dashboard.display.format import age, rate
from dashboard.fleet.findings.model import Finding, Limits
from dashboard.fleet.snapshots import ServerSnapshot, StreamState
from dashboard.streams.snapshots import ConsumerFacts

QUIET = 30.0
"""Seconds after which pages are read again though nothing has changed: they say when the server was last checked."""


def of_stream(state: StreamState, limits: Limits) -> int:
    """Its figures, the words about it, and the state of its groups."""
    facts = state.sample.facts
    groups = tuple(
        (g.facts.name, g.facts.pending, g.facts.lag, g.facts.last_delivered_id, g.looked[:1] and g.looked[0].id)
        for g in state.sample.groups
    )
    consumers = tuple(_consumer(c, limits) for g in state.sample.groups for c in g.consumers)
    findings = tuple(map(_finding, state.findings))
    shown = (facts.length, facts.first_id, facts.last_generated_id, facts.groups, rate(state.in_rate))
    return hash((shown, groups, consumers, findings))


def of_server(snapshot: ServerSnapshot) -> int:
    """What is said of it beside its streams."""
    figures = snapshot.figures
    told = (snapshot.error, snapshot.gaps, snapshot.complete, snapshot.info and snapshot.info.version)
    said = figures and (figures.refused, figures.memory_policy, figures.maxmemory_bytes, figures.replication)
    return hash((told, said, tuple(map(_finding, snapshot.findings))))


def _finding(found: Finding) -> tuple[object, ...]:
    words = (found.message, found.detail, found.count, found.count_least, found.count_about)
    return (found.severity, *found.identity, *words, age(found.oldest_ms))


def _consumer(consumer: ConsumerFacts, limits: Limits) -> tuple[object, ...]:
    return (consumer.name, consumer.pending, consumer.idle_ms >= limits.late_ms, consumer.idle_ms >= limits.gone_ms)
