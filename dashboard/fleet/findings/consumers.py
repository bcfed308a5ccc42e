"""The state of a consumer.

Its idle time is no proof of death (a parked reader, a busy batch, an old server's clock): what counts are entries that
nobody touched, and whether anything moves. The word is "silent", never "dead".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

from dashboard.display.format import age, number
from dashboard.fleet.findings.model import GroupSeen, Limits, Movement, Severity
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.snapshots import ConsumerFacts

ConsumerState = Literal["working", "waiting", "silent", "gone"]
APART_MS = 1000
"""What lies closer together than this is not called earlier or later."""


def consumer_state(
    consumer: ConsumerFacts, sample: StreamSample, group: GroupSample, moved: Movement, limits: Limits
) -> tuple[ConsumerState, Severity, str]:
    """The state of a consumer, how that is, and why in a few words."""
    if sample.replica:
        return "working" if consumer.pending else "waiting", "unknown", "last read unknown: replicas are not told"
    if consumer.pending:
        seen = GroupSeen(sample, group, moved, limits)
        if is_silent(consumer, seen):
            severity = limits.severity(untouched_ms(seen, consumer.name))
            return "silent", severity, f"holds {number(consumer.pending)}, has not read for {age(consumer.idle_ms)}"
        return "working", "ok", ""
    if consumer.idle_ms >= limits.late_ms and _passed_by(consumer, sample, group, moved):
        if consumer.idle_ms >= limits.gone_ms:
            return "gone", "unknown", "holds nothing"
        return "waiting", "unknown", f"has not read for {age(consumer.idle_ms)}, others have"
    if consumer.inactive_ms is not None and 0 <= consumer.inactive_ms < limits.late_ms:
        return "working", "ok", ""
    if group.facts.lag.value == 0:
        return "waiting", "ok", "nothing new"
    severity = "unknown" if _leaves_entries(consumer, group, moved, limits) else "ok"
    return "waiting", severity, f"last read {age(consumer.idle_ms)} ago"


def is_silent(consumer: ConsumerFacts, seen: GroupSeen) -> bool:
    """Holds entries, has not read, what it holds has not been touched, and nothing of it was acknowledged lately."""
    late_ms = seen.limits.late_ms
    if seen.stream.replica or not consumer.pending or consumer.idle_ms < late_ms or consumer.name in seen.moved.fell:
        return False
    return max(_idle_times(seen, consumer.name), default=late_ms) >= late_ms


def untouched_ms(seen: GroupSeen, holder: bytes) -> int:
    """For how long nothing of what a consumer holds has moved: nobody touched it, nor was older work acknowledged.

    At least LATE_AFTER; whether it is late or stuck follows from it, in findings and for the consumer alike.
    """
    late_ms = seen.limits.late_ms
    own = [c.idle_ms for c in seen.group.consumers if c.name == holder and is_silent(c, seen)]
    touched = [idle_ms for idle_ms in _idle_times(seen, holder) if idle_ms >= late_ms]
    idle = max([*own, *touched], default=seen.survey.worst_idle_ms)
    return max(late_ms, min(idle, seen.moved.quiet_ms.get(holder, idle)))


def _idle_times(seen: GroupSeen, holder: bytes) -> Iterator[int]:
    """Of what a consumer holds, as far as that was looked at."""
    known = chain(seen.group.looked, seen.group.firsts)
    return (entry.idle_ms for entry in known if entry.consumer == holder)


def _leaves_entries(consumer: ConsumerFacts, group: GroupSample, moved: Movement, limits: Limits) -> bool:
    """Whether entries wait that a parked reader would have got, and it has not read for LATE_AFTER."""
    lag = group.facts.lag
    waits = bool(lag.value) and not lag.approximate
    return waits and consumer.idle_ms >= limits.late_ms and consumer.name not in moved.fell


def _passed_by(consumer: ConsumerFacts, sample: StreamSample, group: GroupSample, moved: Movement) -> bool:
    """Whether the group was delivered something since this consumer last tried: a parked reader would have got it.

    By what rounds saw. An ID tells when its entry was added only if it is a time, and never when it was delivered: it
    counts where nobody has watched for so long.
    """
    since = consumer.idle_ms - APART_MS
    if moved.delivered_ms is not None and moved.delivered_ms < since:
        return True
    if moved.still_ms >= since:
        return False
    added = group.facts.last_delivered_id.age_ms(sample.now_ms)
    return added is not None and added < since
