"""A replica does not learn when consumers read: nothing is concluded from their idle times there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.fleet.findings.consumers import consumer_state
from dashboard.fleet.findings.model import Movement
from dashboard.streams.queries.sampling import StreamSample
from dashboard.streams.snapshots import Figure
from tests.dashboard.fleet.findings.test_findings import (
    HOUR,
    LIMITS,
    MINUTE,
    SECOND,
    STILL,
    consumer,
    found,
    held,
    sample,
)

GONE = tuple(consumer(b"w%d" % n, idle=5 * HOUR) for n in range(12))
JUDGED = {
    "no_consumer": (sample(consumers=(consumer(idle=5 * HOUR),), lag=Figure(9), delivered_ago=HOUR), STILL),
    "stuck": (sample(held(10 * SECOND), consumers=(consumer(pending=50, idle=5 * HOUR),)), STILL),
    "orphan_consumers": (sample(consumers=(*GONE, consumer(b"w", idle=SECOND))), STILL),
    "never_acknowledges": (
        sample(held(SECOND), consumers=(consumer(pending=50, idle=SECOND),)),
        Movement(rising_ms={b"worker-1": HOUR}),
    ),
}


def on_a_replica(of: StreamSample) -> StreamSample:
    return replace(of, replica=True)


@pytest.mark.parametrize("kind", ["no_consumer", "orphan_consumers", "never_acknowledges"])
def test_what_a_primary_shows_by_idle_times_is_no_finding(kind: str) -> None:
    of, moved = JUDGED[kind]
    assert [finding.kind for finding in found(of, moved)] == [kind]
    assert found(on_a_replica(of), moved) == []


def test_entries_that_nobody_touched_are_stuck_there_too_without_a_word_on_reading() -> None:
    of = sample(held(10 * MINUTE), consumers=(consumer(pending=1, idle=5 * HOUR), consumer(b"w2", idle=HOUR)))
    (finding,) = found(on_a_replica(of))
    assert (finding.kind, finding.severity) == ("stuck", "stuck")
    assert (finding.message, finding.detail) == ("worker-1 has not acknowledged 1 entry for 10 min", "")


@pytest.mark.parametrize(("pending", "state"), [(3, "working"), (0, "waiting")])
def test_no_consumer_is_called_silent_or_gone(pending: int, state: str) -> None:
    of = on_a_replica(sample(consumers=(consumer(pending=pending, idle=50 * HOUR),), delivered_ago=SECOND))
    found_state, severity, why = consumer_state(of.groups[0].consumers[0], of, of.groups[0], STILL, LIMITS)
    assert (found_state, severity, why) == (state, "unknown", "last read unknown: replicas are not told")
