"""When the passing of time alone may change what is found about a stream: a bound, never too late.

Every rule compares how long something lasts with LATE_AFTER, STUCK_AFTER or GONE_AFTER, or has a moment of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dashboard.fleet.findings.model import Limits, Movement, StreamMovement
from dashboard.fleet.findings.stream import dead_letters, silent_stream, unbounded
from dashboard.streams.ids import AHEAD_MS, ahead_ms
from dashboard.streams.queries.sampling import GroupSample, StreamSample


def due_in(
    sample: StreamSample, movements: Mapping[bytes, Movement], limits: Limits, moved: StreamMovement
) -> int | None:
    """Milliseconds from the sample on; None where nothing waits for a time."""
    thresholds = (limits.late_ms, limits.stuck_ms, limits.gone_ms)
    waits = [
        threshold - age
        for group in sample.groups
        for age in _ages(sample, group, movements.get(group.facts.name, Movement()))
        for threshold in thresholds
        if 0 <= age < threshold
    ]
    return min([*waits, *_passed(sample, movements), *_of_the_stream(sample, limits, moved)], default=None)


def _passed(sample: StreamSample, movements: Mapping[bytes, Movement]) -> Iterator[int]:
    """At once: whether a position above every ID stays there (`position_ahead`)."""
    for group in sample.groups:
        moved = movements.get(group.facts.name)
        if group.facts.last_delivered_id > sample.facts.last_generated_id and moved and not moved.still_ms:
            yield 1


def _ages(sample: StreamSample, group: GroupSample, moved: Movement) -> Iterator[int]:
    """How long what is said about a group lasts already."""
    if moved.lost_ms is not None:
        yield moved.lost_ms
    if group.facts.lag.value is None:
        yield moved.still_ms
    if group.facts.lag.value != 0:
        yield from (moved.waiting_ms, *_waiting(sample, group))
    yield from (consumer.idle_ms for consumer in group.consumers)
    if group.facts.pending:
        yield from (moved.oldest_ms, moved.released_ms, *moved.rising_ms.values(), *moved.quiet_ms.values())
        yield from (entry.idle_ms for entry in group.oldest)


def _waiting(sample: StreamSample, group: GroupSample) -> Iterable[int]:
    first, position = sample.facts.first_id, group.facts.last_delivered_id
    known = (max(position, first) if first else position).age_ms(sample.now_ms)
    return () if known is None else (known,)


def _of_the_stream(sample: StreamSample, limits: Limits, moved: StreamMovement) -> Iterator[int]:
    facts = sample.facts
    ahead = ahead_ms(facts.last_generated_id, sample.now_ms)
    if ahead is not None:
        yield ahead - AHEAD_MS + 1
    yield from (limits.gone_ms - since for since in moved.vanished.values() if since < limits.gone_ms)
    if facts.length > unbounded.MANY or dead_letters.NAME.search(facts.key):
        added = facts.last_id.age_ms(sample.now_ms) if facts.last_id else None
        ages = [age for age in (moved.grew_ms, added) if age is not None and age < limits.gone_ms]
        yield from (limits.gone_ms - age for age in ages)
    if moved.grew_ms is not None and len(moved.gaps) >= silent_stream.GAPS:
        quiet = max(silent_stream.QUIET * max(moved.gaps), limits.stuck_ms) - moved.grew_ms
        if quiet > 0:
            yield quiet
