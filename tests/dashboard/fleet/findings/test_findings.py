"""Judgement: what needs attention, in which words, and above all what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.fleet.findings.consumers import ConsumerState, consumer_state
from dashboard.fleet.findings.model import RANK, Finding, Limits, Movement, Severity
from dashboard.fleet.findings.registry import judge
from dashboard.fleet.findings.words import WORDS
from dashboard.fleet.memory import Memory
from dashboard.streams.ids import StreamId
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.snapshots import ConsumerFacts, Figure, GroupFacts, PendingEntry, StreamFacts

NOW = 1_763_604_718_412
KEY, GROUP = b"orders\xff", b"billing"
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
LIMITS = Limits()
STILL = Movement()


def id_ago(ms: int, seq: int = 0) -> StreamId:
    return StreamId(NOW - ms, seq)


def consumer(
    name: bytes = b"worker-1", *, pending: int = 0, idle: int = 0, inactive: int | None = None
) -> ConsumerFacts:
    return ConsumerFacts(name, pending, idle, inactive)


def held(
    idle: int, *, by: bytes = b"worker-1", deliveries: int = 1, ago: int | None = None, seq: int = 0
) -> PendingEntry:
    """Pending since `ago` (else since `idle`), last delivered `idle` ago."""
    return PendingEntry(id_ago(idle if ago is None else ago, seq), by, idle, deliveries)


def sample(
    *looked: PendingEntry,
    consumers: tuple[ConsumerFacts, ...] = (),
    lag: Figure = Figure(0),  # noqa: B008 - frozen
    pending: int | None = None,
    ghosts: int = 0,
    delivered_ago: int = 0,
    length: int = 1000,
    first_ago: int = HOUR,
    counts: bool = True,
) -> StreamSample:
    """One stream with one group; by default everything is delivered and the last entry is new."""
    facts = StreamFacts(
        key=KEY,
        length=length,
        first_id=id_ago(first_ago) if length else None,
        last_id=id_ago(0) if length else None,
        last_generated_id=id_ago(0),
        entries_added=length if counts else None,
        max_deleted_id=None,
        groups=1,
        entry_bytes=10,
    )
    total = sum(c.pending for c in consumers) if pending is None else pending
    group = GroupFacts(GROUP, len(consumers), max(total, len(looked)), id_ago(delivered_ago), None, lag)
    return StreamSample(facts, (GroupSample(group, consumers, looked, ghosts),), NOW)


def found(of: StreamSample, moved: Movement = STILL) -> list[Finding]:
    return judge(of, {GROUP: moved}, LIMITS)


def only(of: StreamSample, moved: Movement = STILL) -> Finding:
    (finding,) = found(of, moved)
    assert (finding.stream, finding.group) == (KEY, GROUP)
    return finding


def state(of: StreamSample, moved: Movement = STILL, *, of_consumer: int = 0) -> tuple[ConsumerState, str]:
    group = of.groups[0]
    state, _, why = consumer_state(group.consumers[of_consumer], of, group, moved, LIMITS)
    return state, why


# what needs nobody ---------------------------------------------------------------------------------------------------

FINE = {
    "a quiet stream": sample(),
    "an empty stream": sample(length=0, lag=Figure(0)),
    "a parked reader": sample(consumers=(consumer(idle=5 * HOUR),), delivered_ago=5 * HOUR),
    "a worker in the middle of its work": sample(held(SECOND), consumers=(consumer(pending=1, idle=SECOND),)),
    "just short of late": sample(held(MINUTE - 1), consumers=(consumer(pending=1, idle=MINUTE - 1),)),
    "a batch that was just taken, before an old clock": sample(
        held(SECOND), consumers=(consumer(pending=1, idle=10 * MINUTE),)
    ),
    "a lag that is being read": sample(consumers=(consumer(idle=SECOND),), lag=Figure(5000), delivered_ago=HOUR),
    "a new entry for a group that has no consumer yet": sample(lag=Figure(1), delivered_ago=SECOND),
    "a few deliveries": sample(held(SECOND, deliveries=4), consumers=(consumer(pending=1, idle=SECOND),)),
    "an old server's unknown lag": sample(
        consumers=(consumer(idle=SECOND),), lag=Figure(None, "not counted"), counts=False, delivered_ago=HOUR
    ),
    "a stream without groups": replace(sample(), groups=()),
}


@pytest.mark.parametrize("of", FINE.values(), ids=FINE.keys())
def test_what_is_fine_is_no_finding(of: StreamSample) -> None:
    assert found(of, Movement(still_ms=0)) == []


# stuck, late ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("idle", "severity"), [(MINUTE, "late"), (5 * MINUTE - 1, "late"), (5 * MINUTE, "stuck"), (7 * HOUR, "stuck")]
)
def test_entries_that_nobody_touches_are_late_and_then_stuck(idle: int, severity: Severity) -> None:
    finding = only(sample(held(idle), consumers=(consumer(pending=1, idle=idle),)))
    assert (finding.kind, finding.severity, finding.oldest_ms) == ("stuck", severity, idle)
    assert (finding.consumer, finding.count, finding.count_least) == (b"worker-1", 1, False)


def test_a_silent_consumer_is_named_with_what_it_holds() -> None:
    finding = only(
        sample(
            *(held(6 * MINUTE, seq=n) for n in range(3)),
            consumers=(consumer(pending=3, idle=6 * MINUTE), consumer(b"worker-2", idle=SECOND)),
        )
    )
    assert finding.message == "worker-1 has been silent for 6 min and holds all 3 pending entries"
    assert finding.detail == "The other consumer read within the last second."


def test_a_consumer_that_reads_and_does_not_acknowledge_is_not_called_silent() -> None:
    """A slow or failing handler, or an earlier process of the same name."""
    of = sample(held(6 * MINUTE), held(SECOND), consumers=(consumer(pending=2, idle=SECOND),))
    finding = only(of)
    assert (finding.severity, finding.count) == ("stuck", 1)
    assert finding.message == "worker-1 keeps reading but has not acknowledged 1 entry for 6 min"
    assert state(of) == ("working", "")


def test_a_consumer_that_acknowledges_all_but_its_oldest_is_not_said_to_keep_reading() -> None:
    of = sample(held(6 * MINUTE), consumers=(consumer(pending=1, idle=6 * MINUTE),))
    finding = only(of, Movement(fell=frozenset({b"worker-1"})))
    assert finding.message == "worker-1 acknowledges entries, but has not acknowledged 1 entry for 6 min"
    assert finding.detail.startswith("It read 6 min ago. The oldest one has not moved")


def test_several_holders_are_one_finding_and_one_for_each_silent_one() -> None:
    of = sample(
        held(6 * MINUTE, by=b"a"),
        held(2 * MINUTE, by=b"b"),
        held(3 * MINUTE, by=b"c"),
        consumers=(
            consumer(b"a", pending=1, idle=6 * MINUTE),
            consumer(b"b", pending=1, idle=2 * MINUTE),
            consumer(b"c", pending=1, idle=SECOND),
        ),
    )
    assert [(f.kind, f.consumer, f.severity, f.count) for f in found(of)] == [
        ("stuck", None, "stuck", 3),
        ("silent_consumer", b"a", "stuck", 1),
        ("silent_consumer", b"b", "late", 1),
    ]
    assert found(of)[0].message == "3 consumers hold entries that nobody has touched for up to 6 min"
    assert found(of)[0].detail == "2 of them are silent."


def test_holders_whose_entries_were_not_looked_at_are_not_said_to_be_untouched() -> None:
    of = sample(
        held(6 * MINUTE, by=b"a"),
        held(6 * MINUTE, by=b"b"),
        pending=5,
        consumers=tuple(consumer(name, pending=1, idle=6 * MINUTE) for name in (b"a", b"b", b"c", b"d", b"e")),
    )
    assert found(of)[0].message == "At least 2 consumers hold entries that nobody has touched for up to 6 min"
    assert found(of)[0].detail == "5 consumers hold entries and stopped reading."


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ([], "The group has no other consumer."),
        ([SECOND], "The other consumer read within the last second."),
        ([2 * MINUTE], "The other consumer has not read for 2 min."),
        ([SECOND, 9 * SECOND], "The other 2 read within the last 9 s."),
        ([SECOND, 9 * SECOND, 2 * MINUTE], "2 of the other 3 read within the last 9 s."),
        ([2 * MINUTE, 3 * MINUTE], "None of the other 2 has read for 2 min."),
    ],
)
def test_of_other_consumers_it_says_when_they_last_read(others: list[int], says: str) -> None:
    """That they are registered does not mean that they are there."""
    more = [consumer(b"%d" % number, pending=0, idle=idle) for number, idle in enumerate(others)]
    assert only(sample(held(6 * MINUTE), consumers=(consumer(pending=1, idle=6 * MINUTE), *more))).detail == says


@pytest.mark.parametrize(
    ("idle", "says"),
    [
        ([6, 6], "Both are silent."),
        ([6, 6, 6], "All 3 are silent."),
        ([6, 0], "1 of them is silent."),
        ([0, 0], "None of them are silent."),
    ],
)
def test_how_many_of_the_holders_are_silent(idle: list[int], says: str) -> None:
    names = [b"%d" % number for number in range(len(idle))]
    entries = [held(6 * MINUTE, by=name) for name in names]
    readers = [consumer(name, pending=1, idle=i * MINUTE + SECOND) for name, i in zip(names, idle, strict=True)]
    assert found(sample(*entries, consumers=tuple(readers)))[0].detail == says


def test_what_was_not_all_looked_at_is_counted_as_at_least() -> None:
    of = sample(held(6 * MINUTE), pending=5000, consumers=(consumer(pending=5000, idle=SECOND),))
    assert (only(of).count, only(of).count_least) == (1, True)


def test_a_consumer_without_a_name_has_a_sentence_too() -> None:
    of = sample(held(6 * MINUTE, by=b""), consumers=(consumer(b"", pending=1, idle=6 * MINUTE),))
    assert only(of).message == "The unnamed consumer has been silent for 6 min and holds the only pending entry"
    assert only(of).consumer is None, "an empty name cannot be linked to"


def test_hostile_names_stay_out_of_sentences() -> None:
    name = "\u202ex\n\x00".encode()
    of = sample(held(6 * MINUTE, by=name), consumers=(consumer(name, pending=1, idle=6 * MINUTE),))
    assert only(of).message.startswith("\\u202ex\\x0a\\x00 has been silent")
    assert only(of).message.isprintable()


# poison, ghosts ------------------------------------------------------------------------------------------------------


def test_an_entry_delivered_again_and_again_is_poison_however_fresh() -> None:
    """A loop that claims it every second keeps its idle time at a second."""
    of = sample(held(SECOND, deliveries=5, ago=HOUR), consumers=(consumer(pending=1, idle=0),))
    finding = only(of)
    assert (finding.kind, finding.severity, finding.count, finding.oldest_ms) == ("poison", "stuck", 1, HOUR)
    assert finding.message == "Delivered 5 times, never acknowledged"
    assert finding.detail == f"First: {NOW - HOUR}-0, held by worker-1."


def test_a_released_poison_entry_is_with_nobody() -> None:
    """XNACK leaves no consumer, and no time of delivery."""
    released = replace(held(0, by=b"", deliveries=9, ago=HOUR), idle_ms=-1)
    assert only(sample(released)).detail.endswith("held by nobody.")
    assert only(sample(released)).oldest_ms == HOUR


def test_several_poison_entries_are_one_finding() -> None:
    of = sample(
        held(SECOND, deliveries=7),
        held(SECOND, deliveries=31, seq=1),
        consumers=(consumer(pending=9, idle=0),),
        pending=9,
    )
    finding = only(of)
    assert (finding.message, finding.count) == ("Delivered up to 31 times, never acknowledged", 2)
    assert finding.count_least


@pytest.mark.parametrize(
    ("ghosts", "message"),
    [
        (1, "1 pending entry no longer exists in the stream"),
        (1200, "1,200 pending entries no longer exist in the stream"),
    ],
)
def test_pending_entries_without_a_body_are_told(ghosts: int, message: str) -> None:
    finding = only(sample(held(SECOND), consumers=(consumer(pending=1, idle=0),), ghosts=ghosts))
    assert (finding.kind, finding.severity, finding.message, finding.count) == ("ghosts", "late", message, ghosts)


# nobody reads, falling behind, unknown -------------------------------------------------------------------------------


def test_entries_that_nobody_reads() -> None:
    finding = only(sample(lag=Figure(1), delivered_ago=2 * MINUTE))
    assert (finding.kind, finding.severity, finding.count) == ("no_consumer", "late", 1)
    assert (finding.message, finding.detail) == ("The group has no consumer", "1 undelivered entry.")


def test_consumers_that_all_stopped_reading() -> None:
    idle = (consumer(idle=10 * MINUTE), consumer(b"worker-2", idle=4 * MINUTE))
    finding = only(sample(consumers=idle, lag=Figure(1200), delivered_ago=HOUR))
    assert (finding.kind, finding.oldest_ms) == ("no_consumer", 4 * MINUTE)
    assert finding.message == "Nobody has read for 4 min"
    assert finding.detail == "1,200 undelivered entries; 2 consumers registered."


def test_what_waits_may_be_uncounted() -> None:
    finding = only(sample(consumers=(consumer(idle=HOUR),), lag=Figure(None, "not counted"), delivered_ago=HOUR))
    assert (finding.count, finding.detail) == (None, "Undelivered entries; 1 consumer registered.")


def test_one_reader_is_enough() -> None:
    readers = (consumer(idle=HOUR), consumer(b"worker-2", idle=SECOND))
    assert found(sample(consumers=readers, lag=Figure(1200), delivered_ago=HOUR)) == []


def test_a_group_that_was_never_read_counts_from_the_first_entry() -> None:
    of = sample(lag=Figure(1000), delivered_ago=NOW, first_ago=2 * MINUTE)
    assert only(of).oldest_ms == 2 * MINUTE


def test_who_acknowledged_lately_is_not_missed() -> None:
    of = sample(consumers=(consumer(idle=2 * MINUTE),), lag=Figure(9), delivered_ago=2 * MINUTE)
    assert found(of, Movement(fell=frozenset({b"worker-1"}))) == []
    assert only(of).kind == "no_consumer"


def test_a_growing_lag_is_falling_behind() -> None:
    of = sample(consumers=(consumer(idle=SECOND),), lag=Figure(1200), delivered_ago=30 * SECOND)
    finding = only(of, Movement(in_rate=50.0, out_rate=20.0, lag_before=1000))
    assert (finding.kind, finding.severity, finding.count) == ("falling_behind", "late", 1200)
    assert finding.detail == "Lag was 1,000 a minute ago. 1 consumer."
    assert (finding.oldest_ms, finding.evidence) == (30 * SECOND, {"in_rate": 50.0, "out_rate": 20.0})


@pytest.mark.parametrize(
    ("lag", "moved"),
    [
        (Figure(99), Movement(in_rate=50.0, out_rate=20.0, lag_before=10)),
        (Figure(1199), Movement(in_rate=50.0, out_rate=20.0, lag_before=1000)),
        (Figure(1200), Movement(in_rate=50.0, out_rate=60.0, lag_before=1000)),
        (Figure(1200), Movement(in_rate=None, out_rate=None, lag_before=1000)),
        (Figure(1200), Movement(in_rate=50.0, out_rate=20.0, lag_before=None)),
        (Figure(None, "lost"), Movement(in_rate=50.0, out_rate=20.0, lag_before=1000)),
    ],
    ids=["small", "hardly", "catching up", "no rate", "not watched for a minute", "unknown"],
)
def test_what_is_not_falling_behind(lag: Figure, moved: Movement) -> None:
    assert found(sample(consumers=(consumer(idle=SECOND),), lag=lag, delivered_ago=SECOND), moved) == []


def test_a_lost_count_is_told_once_nothing_moves() -> None:
    of = sample(consumers=(consumer(idle=SECOND),), lag=Figure(None, "lost"), delivered_ago=HOUR)
    finding = only(of, Movement(still_ms=MINUTE))
    assert (finding.kind, finding.severity, finding.oldest_ms) == ("lag_unknown", "unknown", MINUTE)
    assert found(of, Movement(still_ms=MINUTE - 1)) == []


# consumers -----------------------------------------------------------------------------------------------------------


def test_a_consumer_that_others_have_passed_by_is_not_said_to_have_nothing_new() -> None:
    """Killed after its entries were claimed away: it holds nothing, the others read."""
    of = sample(consumers=(consumer(idle=8 * MINUTE), consumer(b"worker-2", idle=SECOND)), delivered_ago=SECOND)
    judged = consumer_state(of.groups[0].consumers[0], of, of.groups[0], STILL, LIMITS)
    assert judged == ("waiting", "unknown", "has not read for 8 min, others have")


@pytest.mark.parametrize(
    ("moved", "severity"),
    [(Movement(delivered_ms=3 * SECOND), "unknown"), (Movement(still_ms=3 * SECOND), "ok")],
    ids=["seen to move", "first seen three seconds ago"],
)
def test_where_ids_are_no_times_rounds_tell_who_is_passed_by(moved: Movement, severity: str) -> None:
    of = sample(consumers=(consumer(idle=8 * MINUTE), consumer(b"worker-2", idle=SECOND)))
    group = of.groups[0]
    counted = replace(group, facts=replace(group.facts, last_delivered_id=StreamId(41, 0)))
    judged = consumer_state(group.consumers[0], of, counted, moved, LIMITS)
    assert judged[:2] == ("waiting", severity)


def test_of_what_lasts_about_as_long_what_holds_most_comes_first() -> None:
    def finding(minutes: float, count: int) -> Finding:
        lasts = int(minutes * MINUTE)
        return Finding("stuck", "stuck", KEY, GROUP, "", count=count, oldest_ms=lasts)

    order = [finding(60, 1), finding(10.0, 20_000), finding(10.1, 1), finding(2, 50)]
    assert sorted([order[2], order[0], order[3], order[1]], key=lambda one: one.urgency) == order


@pytest.mark.parametrize("idle", [MINUTE, HOUR, 30 * 24 * HOUR])
def test_a_parked_reader_is_waiting_however_long(idle: int) -> None:
    """A blocking read does not move the idle time; without new entries it says nothing about the consumer."""
    of = sample(consumers=(consumer(idle=idle),), delivered_ago=idle)
    assert state(of) == ("waiting", "nothing new")


def test_who_has_been_passed_by_for_an_hour_is_gone() -> None:
    """Another consumer was served since: a parked one would have got it."""
    of = sample(consumers=(consumer(idle=HOUR),), delivered_ago=MINUTE)
    assert state(of) == ("gone", "holds nothing")
    assert state(sample(consumers=(consumer(idle=HOUR - 1),), delivered_ago=MINUTE))[0] == "waiting"


def without_times(of: StreamSample) -> StreamSample:
    """The same with IDs that are no times."""
    facts = replace(of.facts, first_id=StreamId(1, 0), last_id=StreamId(9, 0), last_generated_id=StreamId(9, 0))
    group = replace(of.groups[0], facts=replace(of.groups[0].facts, last_delivered_id=StreamId(9, 0)))
    return replace(of, facts=facts, groups=(group,))


def test_who_has_been_passed_by_is_seen_in_rounds_where_ids_are_no_times() -> None:
    of = without_times(sample(consumers=(consumer(idle=2 * MINUTE),)))
    assert state(of, Movement(delivered_ms=MINUTE)) == ("waiting", "has not read for 2 min, others have")
    assert state(of, Movement(delivered_ms=2 * MINUTE)) == ("waiting", "nothing new"), "perhaps to itself"
    assert state(of, Movement()) == ("waiting", "nothing new"), "nobody watched"
    away = without_times(sample(consumers=(consumer(idle=HOUR),)))
    assert state(away, Movement(delivered_ms=MINUTE)) == ("gone", "holds nothing")


def test_a_reader_after_whom_nothing_was_delivered_is_not_passed_by_whatever_the_last_id_says() -> None:
    """The clock of the producer is a minute ahead: the last entry looks younger than the read that got it."""
    of = sample(consumers=(consumer(idle=2 * MINUTE),), delivered_ago=MINUTE)
    assert state(of, Movement(still_ms=2 * MINUTE)) == ("waiting", "nothing new")
    assert state(of, Movement(still_ms=MINUTE)) == ("waiting", "has not read for 2 min, others have")


def test_rounds_remember_when_a_position_moved_on() -> None:
    def at(ms: int, position: int) -> StreamSample:
        of = without_times(sample(consumers=(consumer(idle=SECOND),)))
        group = replace(of.groups[0], facts=replace(of.groups[0].facts, last_delivered_id=StreamId(position, 0)))
        return replace(of, groups=(group,), now_ms=NOW + ms)

    def delivered_ms(ms: int) -> int | None:
        return memory.movement(KEY, GROUP, NOW + ms).delivered_ms

    memory = Memory(LIMITS)
    memory.take(at(0, 4))
    assert delivered_ms(0) is None, "where it stood before is not known"
    memory.take(at(5 * SECOND, 7))
    assert delivered_ms(5 * SECOND) == 5 * SECOND, "at some time since the round before"
    memory.take(at(9 * SECOND, 7))
    assert delivered_ms(9 * SECOND) == 9 * SECOND
    memory.take(at(20 * SECOND, 2))
    assert delivered_ms(20 * SECOND) == 20 * SECOND, "set back is not delivered"


def test_who_holds_nothing_while_entries_wait_is_not_said_to_have_nothing_new() -> None:
    of = sample(consumers=(consumer(idle=2 * MINUTE),), lag=Figure(7), delivered_ago=2 * MINUTE)
    assert state(of) == ("waiting", "last read 2 min ago")


@pytest.mark.parametrize(
    ("idle", "lag", "moved", "severity"),
    [
        (2 * MINUTE, Figure(7), STILL, "unknown"),
        (MINUTE - 1, Figure(7), STILL, "ok"),
        (2 * MINUTE, Figure(7, approximate=True), STILL, "ok"),
        (2 * MINUTE, Figure(None, "lost"), STILL, "ok"),
        (2 * MINUTE, Figure(7), Movement(fell=frozenset({b"worker-1"})), "ok"),
    ],
    ids=["dead", "lately", "about", "unknown", "has just acknowledged"],
)
def test_who_leaves_entries_waiting_is_not_called_well(idle: int, lag: Figure, moved: Movement, severity: str) -> None:
    """A parked reader gets an entry at once: who has not read since is in no blocking read."""
    of = sample(consumers=(consumer(idle=idle),), lag=lag, delivered_ago=2 * MINUTE)
    judged = consumer_state(of.groups[0].consumers[0], of, of.groups[0], moved, LIMITS)
    assert judged[:2] == ("waiting", severity)


def test_who_got_something_lately_is_working() -> None:
    assert state(sample(consumers=(consumer(idle=0, inactive=5 * SECOND),)))[0] == "working"
    assert state(sample(consumers=(consumer(idle=0, inactive=-1),)))[0] == "waiting"
    assert state(sample(consumers=(consumer(idle=0, inactive=2 * MINUTE),)))[0] == "waiting"


def test_who_holds_old_entries_and_does_not_read_is_silent() -> None:
    of = sample(held(6 * MINUTE), consumers=(consumer(pending=1, idle=6 * MINUTE),))
    assert state(of) == ("silent", "holds 1, has not read for 6 min")


def test_who_acknowledged_lately_is_working() -> None:
    """A batch of an hour that is worked through: it does not read, and it is not silent."""
    of = sample(held(6 * MINUTE), consumers=(consumer(pending=1, idle=6 * MINUTE),))
    moved = Movement(fell=frozenset({b"worker-1"}))
    assert state(of, moved) == ("working", "")
    assert [f.kind for f in found(of, moved)] == ["stuck"]
    assert "silent" not in found(of, moved)[0].message


def test_who_was_given_entries_just_now_is_not_silent() -> None:
    """Claimed for it a moment ago: nobody can say yet."""
    of = sample(held(SECOND), consumers=(consumer(pending=1, idle=HOUR),))
    assert state(of)[0] == "working"


# order, and what earlier rounds know ---------------------------------------------------------------------------------


def test_the_worst_comes_first_and_then_the_oldest() -> None:
    of = sample(
        held(2 * MINUTE),
        held(SECOND, deliveries=9, ago=HOUR, by=b"loop"),
        consumers=(consumer(pending=1, idle=2 * MINUTE), consumer(b"loop", pending=1, idle=0)),
        lag=Figure(None, "lost"),
        delivered_ago=SECOND,
        ghosts=1,
    )
    findings = found(of, Movement(still_ms=HOUR))
    assert [f.kind for f in findings] == ["poison", "stuck", "ghosts", "lag_unknown"]
    ranks = [(RANK[f.severity], -f.oldest_ms) for f in findings]
    assert ranks == sorted(ranks)
    assert {f.kind for f in findings} <= set(WORDS)


def later(of: StreamSample, ms: int) -> StreamSample:
    """The same, seen `ms` later; nothing has been added, read or acknowledged."""
    (group,) = of.groups
    aged = replace(
        group,
        consumers=tuple(replace(c, idle_ms=c.idle_ms + ms) for c in group.consumers),
        looked=tuple(replace(e, idle_ms=e.idle_ms + ms) for e in group.looked),
    )
    return replace(of, groups=(aged,), now_ms=of.now_ms + ms)


def test_a_fall_of_what_a_consumer_holds_is_remembered_as_work() -> None:
    """A batch that is worked through needs nobody; a minute after its last acknowledgement it is silent."""
    memory = Memory(LIMITS)
    two = sample(*(held(2 * MINUTE, seq=n) for n in range(2)), consumers=(consumer(pending=2, idle=2 * MINUTE),))
    assert "silent" in memory.take(two).findings[0].message
    (group,) = two.groups
    one = replace(
        two,
        groups=(
            replace(
                group,
                facts=replace(group.facts, pending=1),
                consumers=(consumer(pending=1, idle=2 * MINUTE),),
                looked=group.looked[1:],
            ),
        ),
    )
    assert memory.take(later(one, 5 * SECOND)).findings == ()
    assert memory.movement(KEY, GROUP, NOW + 5 * SECOND).fell == {b"worker-1"}
    assert "silent" in memory.take(later(one, 5 * SECOND + MINUTE)).findings[0].message


def test_being_claimed_by_another_is_no_work() -> None:
    memory = Memory(LIMITS)
    memory.take(sample(held(2 * MINUTE), consumers=(consumer(pending=1, idle=2 * MINUTE), consumer(b"worker-2"))))
    taken = sample(
        held(SECOND, by=b"worker-2", ago=2 * MINUTE),
        consumers=(consumer(idle=2 * MINUTE), consumer(b"worker-2", pending=1)),
    )
    memory.take(later(taken, 5 * SECOND))
    assert memory.movement(KEY, GROUP, NOW + 5 * SECOND).fell == frozenset()


def test_a_finding_stands_since_what_it_is_about_began() -> None:
    memory = Memory(LIMITS)
    of = sample(held(2 * MINUTE), consumers=(consumer(pending=1, idle=2 * MINUTE),))
    since = NOW - 2 * MINUTE
    assert [f.since_ms for f in memory.take(of).findings] == [since]
    assert [f.since_ms for f in memory.take(later(of, 10 * MINUTE)).findings] == [since]
    assert memory.take(replace(sample(), now_ms=NOW + HOUR)).findings == ()
    again = memory.take(later(of, 2 * HOUR)).findings
    assert [f.since_ms for f in again] == [since]


def test_rates_need_two_samples_and_never_run_backwards() -> None:
    memory = Memory(LIMITS)
    assert memory.take(sample(length=1000)).in_rate is None
    assert memory.take(replace(sample(length=1500), now_ms=NOW + 5 * SECOND)).in_rate == 100.0
    assert memory.take(replace(sample(length=3), now_ms=NOW + 10 * SECOND)).in_rate is None


def test_a_stream_that_vanished_is_forgotten() -> None:
    memory = Memory(LIMITS)
    memory.take(sample())
    memory.forget([KEY])
    assert memory.movement(KEY, GROUP, NOW) == Movement()
