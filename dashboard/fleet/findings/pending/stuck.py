"""`stuck`: pending entries that nobody touched for LATE_AFTER (late) or STUCK_AFTER (stuck); and `silent_consumer`.

Says who holds how many and for how long. Needs the consumers, the counts over the pending list, and who acknowledges
what it holds: a batch that is being worked through is no finding, however long its entries wait in their turn. One
finding for the group; where several hold such entries, one more for each silent one, of those that hold most.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age, number, plural
from dashboard.fleet.findings.consumers import is_silent, untouched_ms
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.fleet.findings.words import entries, who
from dashboard.streams.queries.sampling import GroupSample
from dashboard.streams.snapshots import ConsumerFacts

SILENT_EACH = 3
"""Silent consumers of one group that get a finding of their own, those that hold most; the group's counts all."""


def stuck(seen: GroupSeen) -> Iterator[Finding]:
    group, limits = seen.group, seen.limits
    silent = [c for c in group.consumers if is_silent(c, seen)]
    names = {c.name for c in silent}
    late = {name: count for name, count in seen.survey.late.items() if name not in names | seen.moved.working}
    if not silent and not late:
        return
    at_least = bool(late) and not seen.survey.complete
    count = sum(c.pending for c in silent) + sum(late.values())
    holders = names | late.keys()
    worst = max(untouched_ms(seen, holder) for holder in holders)
    others = _others([c for c in group.consumers if c.name not in holders], limits.late_ms)
    counted = f"{'at least ' if at_least else ''}{entries(count)}"
    if seen.stream.replica:
        message, detail = _on_a_replica(holders, worst, counted), ""
    else:
        message, detail = _words(seen, silent, holders, worst, counted, others)
    yield seen.finding(
        limits.severity(worst),
        "stuck",
        message,
        detail=detail,
        consumer=next(iter(holders)) if len(holders) == 1 and b"" not in holders else None,
        count=count,
        count_least=at_least,
        oldest_ms=worst,
        evidence={"pending": group.facts.pending, "holders": len(holders), "looked_at": seen.survey.looked},
    )
    if len(holders) > 1:
        worst_first = sorted(silent, key=lambda c: (-c.pending, c.name))
        yield from (_silent_consumer(seen, c) for c in worst_first[:SILENT_EACH])


def _silent_consumer(seen: GroupSeen, consumer: ConsumerFacts) -> Finding:
    return seen.finding(
        seen.limits.severity(untouched_ms(seen, consumer.name)),
        "silent_consumer",
        f"{who(consumer.name)} has been silent for {age(consumer.idle_ms)} and holds {entries(consumer.pending)}",
        consumer=consumer.name,
        count=consumer.pending,
        oldest_ms=consumer.idle_ms,
        evidence={"idle_ms": consumer.idle_ms, "pending": consumer.pending},
    )


def _words(
    seen: GroupSeen, silent: list[ConsumerFacts], holders: set[bytes], worst: int, counted: str, others: str
) -> tuple[str, str]:
    g = seen.group
    if len(holders) > 1:
        return _several(seen, silent, holders, worst)
    name = who(next(iter(holders)))
    if silent:
        return f"{name} has been silent for {age(silent[0].idle_ms)} and holds {_share(silent[0].pending, g)}", others
    consumer = next((c for c in g.consumers if c.name in holders), None)
    read = f"It read {age(consumer.idle_ms)} ago. " if consumer else ""
    waits = f"has not acknowledged {counted} for {age(worst)}"
    if consumer and consumer.idle_ms >= seen.limits.late_ms and consumer.name in seen.moved.fell:
        return (
            f"{name} acknowledges entries, but {waits}",
            f"{read}The oldest one has not moved: it works in another order, or cannot process that one.",
        )
    reads = "keeps reading but " if consumer and consumer.idle_ms < seen.limits.late_ms else ""
    return (
        f"{name} {reads}{waits}",
        f"{read}Its handler is slow or failing, or an earlier process with this name left them.",
    )


def _on_a_replica(holders: set[bytes], worst: int, counted: str) -> str:
    """Without a word on when anybody read: a replica does not learn that."""
    if len(holders) > 1:
        return f"{len(holders)} consumers hold entries that nobody has touched for up to {age(worst)}"
    return f"{who(next(iter(holders)))} has not acknowledged {counted} for {age(worst)}"


def _several(seen: GroupSeen, silent: list[ConsumerFacts], holders: set[bytes], worst: int) -> tuple[str, str]:
    """Untouched is only what was looked at; that a consumer holds something and has not read is known of all."""
    looked = holders & (seen.survey.late.keys() | {e.consumer for e in seen.group.looked})
    if seen.survey.complete or looked == holders:
        many = f"{number(len(holders))} consumers hold"
        return f"{many} entries that nobody has touched for up to {age(worst)}", _silent(len(silent), len(holders))
    many = plural(len(looked), "consumer holds", "consumers hold")
    detail = f"{plural(len(silent), 'consumer holds', 'consumers hold')} entries and stopped reading."
    return f"At least {many} entries that nobody has touched for up to {age(worst)}", detail if silent else ""


def _silent(count: int, holders: int) -> str:
    if count == holders:
        return "Both are silent." if count == 2 else f"All {number(count)} are silent."
    return f"{number(count) if count else 'None'} of them {'is' if count == 1 else 'are'} silent."


def _share(count: int, g: GroupSample) -> str:
    if count < g.facts.pending:
        return f"{number(count)} of {number(g.facts.pending)} pending entries"
    return "the only pending entry" if count == 1 else f"all {number(count)} pending entries"


def _others(others: list[ConsumerFacts], late_ms: int) -> str:
    """What was seen of the other consumers: when they last read. That they are registered says nothing."""
    if not others:
        return "The group has no other consumer."
    reading = [c.idle_ms for c in others if c.idle_ms < late_ms]
    many = f"the other {number(len(others))}"
    if not reading:
        quiet = age(min(c.idle_ms for c in others))
        return (
            f"The other consumer has not read for {quiet}."
            if len(others) == 1
            else f"None of {many} has read for {quiet}."
        )
    last = "read within the last " + (age(max(reading)) if max(reading) > 1000 else "second")
    if len(reading) < len(others):
        return f"{number(len(reading))} of {many} {last}."
    return f"The other consumer {last}." if len(others) == 1 else f"{many.capitalize()} {last}."
