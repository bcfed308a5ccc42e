"""The rules that look at more than one moment: each with what it says, and what is fine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboard.fleet.findings.model import Finding, Limits, Movement, ServerSeen, StreamMovement
from dashboard.fleet.findings.registry import GROUP_RULES, SERVER_RULES, STREAM_RULES, judge, judge_server
from dashboard.fleet.findings.words import WORDS
from dashboard.fleet.memory import Memory
from dashboard.fleet.server_memory import ServerMemory
from dashboard.streams.ids import StreamId
from dashboard.streams.queries.sampling import StreamSample
from dashboard.streams.queries.server import Replication, ServerFigures
from dashboard.streams.snapshots import Figure, PendingEntry, Role
from tests.dashboard.fleet.findings.test_findings import (
    GROUP,
    HOUR,
    KEY,
    MINUTE,
    NOW,
    SECOND,
    consumer,
    held,
    id_ago,
    sample,
)

LIMITS = Limits()
FATAL = 2**63 - 1


def kinds(of: StreamSample, moved: Movement | None = None, stream: StreamMovement | None = None) -> dict[str, Finding]:
    return {f.kind: f for f in judge(of, {GROUP: moved or Movement()}, LIMITS, stream)}


def lagging(count: int, **facts: Any) -> StreamSample:
    of = sample(consumers=(consumer(idle=SECOND),), lag=Figure(count), delivered_ago=2 * MINUTE)
    return replace(of, facts=replace(of.facts, **facts))


# a group -------------------------------------------------------------------------------------------------------------


def test_a_batch_that_is_worked_through_is_no_finding_however_long_it_waits() -> None:
    of = sample(held(10 * MINUTE), consumers=(consumer(pending=1, idle=SECOND),))
    assert kinds(of, Movement(working=frozenset({b"worker-1"}))) == {}
    stopped = kinds(of, Movement(quiet_ms={b"worker-1": 2 * MINUTE}))["stuck"]
    assert (stopped.severity, stopped.oldest_ms) == ("late", 2 * MINUTE)
    assert kinds(of, Movement(quiet_ms={b"worker-1": 6 * MINUTE}))["stuck"].severity == "stuck"


def test_eight_hundred_entries_at_four_a_second_need_nobody_until_they_stop() -> None:
    memory = Memory(LIMITS)
    shown = []
    for round_ in range(60):
        done = min(round_, 20) * 20
        of = sample(
            *(held(round_ * 5 * SECOND, seq=n) for n in range(done, min(done + 100, 800))),
            consumers=(consumer(pending=800 - done, idle=round_ * 5 * SECOND),),
            pending=800 - done,
        )
        entries = tuple(replace(e, id=StreamId(NOW, n)) for n, e in enumerate(of.groups[0].looked, done))
        group = replace(of.groups[0], looked=entries)
        shown.append(memory.take(replace(of, groups=(group,), now_ms=NOW + round_ * 5 * SECOND)).findings)
    assert shown[:32] == [()] * 32
    assert [f.kind for f in shown[33]] == ["stuck"]


def test_released_entries_that_nobody_takes() -> None:
    gone = PendingEntry(id_ago(HOUR), b"", -1, 2)
    of = sample(gone, consumers=(consumer(idle=SECOND),), pending=1)
    assert "released" not in kinds(of, Movement(released_ms=MINUTE - 1))
    finding = kinds(of, Movement(released_ms=6 * MINUTE))["released"]
    assert (finding.severity, finding.count, finding.oldest_ms) == ("stuck", 1, 6 * MINUTE)
    assert finding.message == "1 released entry has not been taken for 6 min"


def test_released_entries_are_dated_by_when_they_were_first_seen() -> None:
    memory = Memory(LIMITS)
    of = sample(PendingEntry(StreamId(5, 0), b"", -1, 2), pending=1)
    assert memory.take(of).findings == ()
    later = memory.take(replace(of, now_ms=NOW + 2 * MINUTE)).findings
    assert [(f.kind, f.oldest_ms) for f in later] == [("released", 2 * MINUTE)]


def test_a_fatal_entry_is_no_number_of_deliveries() -> None:
    of = sample(PendingEntry(id_ago(HOUR), b"", -1, FATAL), pending=1)
    finding = kinds(of)["poison"]
    assert finding.message == "1 entry was marked fatal by a consumer"
    assert str(FATAL) not in f"{finding}"
    assert "released" not in kinds(of, Movement(released_ms=HOUR)), "nobody is to take it"


def test_an_entry_that_is_touched_for_ever_is_held_long() -> None:
    of = sample(held(SECOND, ago=2 * HOUR), consumers=(consumer(pending=1, idle=SECOND),))
    assert "held_long" not in kinds(of, Movement(oldest_ms=HOUR - 1))
    finding = kinds(of, Movement(oldest_ms=HOUR))["held_long"]
    assert (finding.severity, finding.consumer, finding.oldest_ms) == ("late", b"worker-1", HOUR)


@pytest.mark.parametrize(
    ("pending", "idle", "rising", "found"),
    [(10, 0, 5 * MINUTE, True), (9, 0, HOUR, False), (10, 0, MINUTE, False), (10, MINUTE, HOUR, False)],
    ids=["only grows", "few", "not for long", "not alive"],
)
def test_who_reads_and_never_acknowledges(pending: int, idle: int, rising: int, found: bool) -> None:
    of = sample(held(SECOND), consumers=(consumer(pending=pending, idle=idle),))
    seen = kinds(of, Movement(rising_ms={b"worker-1": rising}))
    assert ("never_acknowledges" in seen) is found


def test_what_a_consumer_holds_is_watched_from_round_to_round() -> None:
    memory = Memory(LIMITS)
    for round_ in range(7):
        count = 100 + round_
        of = sample(held(SECOND), consumers=(consumer(pending=count),), pending=count)
        state = memory.take(replace(of, now_ms=NOW + round_ * MINUTE))
    assert [f.kind for f in state.findings] == ["never_acknowledges"]
    less = sample(held(SECOND), consumers=(consumer(pending=50),), pending=50)
    assert memory.take(replace(less, now_ms=NOW + 7 * MINUTE)).findings == ()


def test_who_acknowledges_less_than_it_reads_is_not_said_to_acknowledge_nothing() -> None:
    """Its pending entries only grow, while the oldest of them goes again and again: also where nobody counts reads."""
    memory = Memory(LIMITS)
    for round_ in range(9):
        count = 100 + round_
        of = sample(held(SECOND, ago=MINUTE, seq=round_), consumers=(consumer(pending=count),), pending=count)
        state = memory.take(replace(of, now_ms=NOW + round_ * MINUTE))
    assert state.findings == ()


def test_who_of_several_acknowledged_is_not_guessed() -> None:
    """What left the list may have been anybody's: of nobody is said that it acknowledged nothing."""
    memory = Memory(LIMITS)
    for round_ in range(9):
        each = 100 + 50 * round_
        of = sample(held(SECOND), consumers=(consumer(pending=each), consumer(b"worker-2", pending=each)))
        (group,) = of.groups
        facts = replace(group.facts, entries_read=200 + 200 * round_)
        state = memory.take(replace(of, groups=(replace(group, facts=facts),), now_ms=NOW + round_ * MINUTE))
    assert [f.kind for f in state.findings] == []


def test_each_of_several_workers_that_work_through_a_batch_needs_nobody_until_it_stops() -> None:
    """The beginning of the list is the first one's alone: of the others the oldest entry is known all the same."""
    memory, waits = Memory(LIMITS), 10 * MINUTE
    names = [b"worker-%d" % number for number in range(10)]
    for round_ in range(31):
        done = {name: 20 * min(round_, 10) if name == b"worker-7" else 20 * round_ for name in names}
        first = tuple(held(waits, ago=HOUR, seq=done[names[0]] + n) for n in range(100))
        of = sample(
            *first,
            consumers=tuple(consumer(name, pending=800 - done[name], idle=waits) for name in names),
        )
        (group,) = of.groups
        firsts = tuple(
            held(waits, by=name, ago=HOUR, seq=1000 * number + done[name])
            for number, name in enumerate(names)
            if number
        )
        looked = tuple(replace(entry, consumer=names[0]) for entry in group.looked)
        seen = replace(group, looked=looked, firsts=firsts, go_on=StreamId(NOW, 0))
        part = tuple(replace(entry, id=StreamId(NOW, n), consumer=names[n % 10]) for n, entry in enumerate(first))
        rest = replace(group, looked=part, began=StreamId(NOW, 0))
        state = memory.take(
            replace(of, groups=(seen,), now_ms=NOW + round_ * 5 * SECOND), [replace(of, groups=(rest,))]
        )
        if round_ in (1, 20):
            assert state.findings == (), round_
    assert {(f.kind, f.consumer) for f in state.findings} == {("stuck", b"worker-7")}


STEADY = Movement(
    in_rate=50.0, out_rate=20.0, lag_before=30_000, lags=((30_000, 600_000), (31_000, 620_000), (32_000, 640_000))
)


def test_a_lag_that_grows_steadily_is_falling_behind_whatever_its_size() -> None:
    assert kinds(lagging(32_000), STEADY)["falling_behind"].count == 32_000
    few = replace(STEADY, lag_before=1, lags=((1, 61_000), (2, 62_000), (3, 63_000)))
    assert "falling_behind" in kinds(lagging(3), few)


@pytest.mark.parametrize(
    "moved",
    [
        replace(STEADY, out_rate=50.0),
        replace(STEADY, lags=((30_000, 600_000), (29_000, 620_000), (32_000, 640_000))),
        replace(STEADY, lags=((30_000, 600_000), (31_000, 590_000), (32_000, 580_000))),
        replace(STEADY, lags=((30_000, 10_000), (31_000, 20_000), (32_000, 30_000))),
    ],
    ids=["keeps up", "goes up and down", "nearer in time", "not late yet"],
)
def test_a_lag_that_does_not_grow_steadily_is_fine(moved: Movement) -> None:
    assert "falling_behind" not in kinds(lagging(32_000), moved)


def test_entries_that_were_removed_unread() -> None:
    of = sample(lag=Figure(110), length=110, delivered_ago=NOW, first_ago=SECOND)
    of = replace(of, facts=replace(of.facts, entries_added=1000))
    finding = kinds(of)["position_lost"]
    assert (finding.severity, finding.count) == ("stuck", 890)
    assert finding.message == "890 entries were removed before the group read them"


def test_what_was_read_and_then_trimmed_is_not_lost() -> None:
    of = sample(lag=Figure(110), length=110, delivered_ago=HOUR, first_ago=SECOND)
    read = replace(of.groups[0], facts=replace(of.groups[0].facts, entries_read=890))
    of = replace(of, facts=replace(of.facts, entries_added=1000), groups=(read,))
    assert "position_lost" not in kinds(of)


def test_a_loss_is_remembered_after_the_group_has_read_on() -> None:
    memory = Memory(LIMITS)
    of = sample(lag=Figure(110), length=110, delivered_ago=HOUR, first_ago=SECOND)
    read = replace(of.groups[0], facts=replace(of.groups[0].facts, entries_read=10))
    memory.take(replace(of, facts=replace(of.facts, entries_added=1010), groups=(read,)))
    on = replace(sample(length=110, consumers=(consumer(),)), now_ms=NOW + MINUTE)
    assert [(f.kind, f.count) for f in memory.take(on).findings] == [("position_lost", 890)]
    assert memory.take(replace(on, now_ms=NOW + 2 * HOUR)).findings == ()


def test_a_position_above_every_id_is_news_though_the_lag_is_0() -> None:
    """Seen once it may be an entry that came, and was read, between the two commands of a sample."""
    memory = Memory(LIMITS)
    of = sample(consumers=(consumer(),), delivered_ago=-HOUR)
    assert [f.kind for f in memory.take(of).findings] == []
    (finding,) = memory.take(replace(of, now_ms=NOW + 5 * SECOND)).findings
    assert (finding.kind, finding.severity, finding.oldest_ms) == ("position_ahead", "late", 5 * SECOND)
    assert finding.message == f"Its position, {id_ago(-HOUR)}, is above the last ID of the stream"
    reached = replace(of, facts=replace(of.facts, last_generated_id=id_ago(-HOUR)), now_ms=NOW + 2 * HOUR)
    assert "position_ahead" not in [f.kind for f in memory.take(reached).findings]


def unread(*, length: int, added: int, at: int, deleted: StreamId | None = None) -> StreamSample:
    """A group that has read nothing of a stream that once had `added` entries, after so many milliseconds."""
    of = sample(lag=Figure(length), length=length, delivered_ago=NOW, first_ago=SECOND)
    return replace(of, facts=replace(of.facts, entries_added=added, max_deleted_id=deleted), now_ms=NOW + at)


def told(memory: Memory, of: StreamSample, kind: str) -> int | None:
    """The count of that finding; None: there is none."""
    return next((f.count for f in memory.take(of).findings if f.kind == kind), None)


def test_what_went_before_a_group_was_there_is_not_lost_to_it() -> None:
    """A group created at 0 of a stream that is trimmed all the time; from then on every trim is a loss."""
    memory = Memory(LIMITS)
    assert told(memory, unread(length=100, added=1000, at=0), "position_lost") is None
    assert told(memory, unread(length=100, added=1000, at=SECOND), "position_lost") is None
    assert told(memory, unread(length=60, added=1000, at=2 * SECOND), "position_lost") == 40


def test_what_is_deleted_or_trimmed_once_says_nothing_of_a_next_trim() -> None:
    memory = Memory(LIMITS)
    rounds = [(100, None), (90, None), (80, StreamId(1, 0)), (70, StreamId(2, 0)), (70, StreamId(2, 0))]
    for at, (length, deleted) in enumerate(rounds):
        seen = unread(length=length, added=100, at=at * SECOND, deleted=deleted)
        assert told(memory, seen, "will_lose") is None, at
    assert told(memory, unread(length=60, added=100, at=5 * SECOND, deleted=StreamId(2, 0)), "will_lose") == 60


@pytest.mark.parametrize(
    ("lag", "removed", "out", "found"),
    [(1000, 10.0, 1.0, True), (900, 10.0, 1.0, True), (900, 0.0, 0.0, False), (900, 10.0, 10.0, False)],
    ids=["at once", "soon", "not trimmed", "keeps up"],
)
def test_what_trimming_reaches_next(lag: int, removed: float, out: float, found: bool) -> None:
    seen = kinds(lagging(lag), Movement(removed_rate=removed, out_rate=out))
    assert ("will_lose" in seen) is found
    assert "will_lose" not in kinds(lagging(1), Movement(removed_rate=0.1, out_rate=0.0)), "in hours"


def test_a_lag_that_cannot_be_makes_no_trim_dangerous() -> None:
    """Redis 7.0 counts what was trimmed unread: up to all there is, for a group that has read most of it."""
    moved = Movement(removed_rate=10.0, out_rate=1.0)
    of = lagging(900)
    (group,) = of.groups
    about = replace(group, facts=replace(group.facts, lag=Figure(900, approximate=True)))
    finding = kinds(replace(of, groups=(about,)), moved)["will_lose"]
    assert (finding.count, finding.count_about) == (900, True)
    assert finding.message == "Trimming may remove entries that the group has not read, in about 11 s"
    assert finding.detail.startswith("About 900 entries are unread, 100 older ones are left to trim.")
    most = replace(group, facts=replace(group.facts, lag=Figure(1000, approximate=True)))
    assert "will_lose" not in kinds(replace(of, groups=(most,)), moved)


def test_who_is_held_at_the_edge_of_what_is_trimmed_will_lose_whatever_its_rate_seems() -> None:
    """A lag as long as the stream goes up and down with each trim, and what is lost counts as read."""
    edge = replace(STEADY, removed_rate=80.0, in_rate=80.0, lags=((900, 12_000), (930, 12_500), (960, 61_000)))
    for out in (20.0, 79.0, 81.0):
        seen = kinds(lagging(960), replace(edge, out_rate=out))
        assert ("will_lose" in seen, "falling_behind" in seen) == (True, False), out
    assert "in about 0.5 s" in kinds(lagging(960), replace(edge, out_rate=81.0))["will_lose"].message
    keeps_up = replace(edge, out_rate=81.0)
    assert "will_lose" not in kinds(lagging(30), keeps_up), "a short stream whose group reads nearly all of it"


@pytest.mark.parametrize(("left", "found"), [(10, True), (9, False)])
def test_consumers_that_were_left_behind(left: int, found: bool) -> None:
    gone = tuple(consumer(b"old-%d" % n, idle=2 * HOUR) for n in range(left))
    assert ("orphan_consumers" in kinds(sample(consumers=(*gone, consumer(idle=SECOND))))) is found
    assert "orphan_consumers" not in kinds(sample(consumers=gone)), "a quiet stream"


def test_where_ids_are_no_times_waiting_is_judged_by_what_was_seen() -> None:
    of = sample(lag=Figure(5))
    facts = replace(of.facts, first_id=StreamId(1, 0), last_id=StreamId(9, 0), last_generated_id=StreamId(9, 0))
    group = replace(of.groups[0], facts=replace(of.groups[0].facts, last_delivered_id=StreamId(4, 0)))
    of = replace(of, facts=facts, groups=(group,))
    memory = Memory(LIMITS)
    assert memory.take(of).findings == ()
    assert [f.kind for f in memory.take(replace(of, now_ms=NOW + MINUTE)).findings] == ["no_consumer"]


# a stream ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moved", "found"),
    [
        (StreamMovement(grew_ms=5 * MINUTE, gaps=(SECOND,) * 10), True),
        (StreamMovement(grew_ms=4 * MINUTE, gaps=(SECOND,) * 10), False),
        (StreamMovement(grew_ms=HOUR, gaps=(SECOND,) * 9), False),
        (StreamMovement(grew_ms=HOUR, gaps=(*(SECOND,) * 10, HOUR)), False),
        (StreamMovement(), False),
    ],
    ids=["silent", "not for long", "hardly known", "it has paused before", "not watched"],
)
def test_a_stream_that_falls_silent(moved: StreamMovement, found: bool) -> None:
    assert ("silent_stream" in kinds(sample(), stream=moved)) is found


@pytest.mark.parametrize(
    ("length", "added", "grew", "found"),
    [
        (1_000_001, 1_000_001, SECOND, True),
        (1_000_000, 1_000_000, SECOND, False),
        (1_000_001, 2_000_000, SECOND, False),
        (1_000_001, 1_000_001, HOUR, False),
        (1_000_001, 1_000_001, None, False),
    ],
    ids=["grows", "small", "trimmed", "rests", "not seen to grow"],
)
def test_a_stream_that_nobody_trims(length: int, added: int, grew: int | None, found: bool) -> None:
    of = sample(length=length)
    of = replace(of, facts=replace(of.facts, entries_added=added))
    assert ("unbounded" in kinds(of, stream=StreamMovement(grew_ms=grew))) is found


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (b"orders:dlq", True),
        (b"orders.dead-letters", True),
        (b"DeadLetter", True),
        (b"dead:orders", True),
        (b"deadlines", False),
        (b"orders", False),
    ],
)
def test_a_dead_letter_stream_that_grew(key: bytes, found: bool) -> None:
    of = sample(length=3)
    of = replace(of, facts=replace(of.facts, key=key))
    assert ("dead_letters" in kinds(of)) is found
    old = replace(of.facts, last_id=id_ago(HOUR))
    assert "dead_letters" not in kinds(replace(of, facts=old)), "an hour ago"
    assert "dead_letters" not in kinds(replace(of, facts=replace(of.facts, length=0, last_id=None))), "empty"


def test_an_id_ahead_of_the_clock() -> None:
    of = sample()
    assert "id_ahead" not in kinds(replace(of, facts=replace(of.facts, last_generated_id=id_ago(1 - MINUTE))))
    ahead = kinds(replace(of, facts=replace(of.facts, last_generated_id=id_ago(-30 * 24 * HOUR))))["id_ahead"]
    assert ahead.message == "The last ID is 30 d ahead of the server's clock"
    assert "id_ahead" not in kinds(replace(of, facts=replace(of.facts, last_generated_id=StreamId(10**15, 0))))


def test_a_group_that_vanished_is_news_until_it_is_back() -> None:
    memory = Memory(LIMITS)
    of = sample(consumers=(consumer(),))
    without = replace(of, groups=(), now_ms=NOW + SECOND)
    assert memory.take(of).findings == ()
    (finding,) = memory.take(without).findings
    assert (finding.kind, finding.group, finding.severity) == ("group_vanished", GROUP, "late")
    assert len(memory.take(replace(without, now_ms=NOW + MINUTE)).findings) == 1
    assert memory.take(replace(of, now_ms=NOW + 2 * MINUTE)).findings == ()


def test_a_stream_that_was_deleted_and_made_anew_without_its_group() -> None:
    memory = Memory(LIMITS)
    of = sample(consumers=(consumer(),))
    memory.take(of)
    memory.forget([KEY])
    without = replace(of, groups=(), now_ms=NOW + SECOND)
    assert [f.kind for f in memory.take(without).findings] == ["group_vanished"]
    assert memory.take(replace(without, now_ms=NOW + 2 * HOUR)).findings == ()


def test_groups_that_went_with_their_stream_are_news_where_work_was_left() -> None:
    memory = Memory(LIMITS)
    memory.take(sample(lag=Figure(5), pending=3))
    finished = sample()
    memory.take(replace(finished, facts=replace(finished.facts, key=b"finished")))
    hidden = sample(lag=Figure(5))
    memory.take(replace(hidden, facts=replace(hidden.facts, key=b"hidden")))
    memory.forget([KEY, b"finished"])
    memory.forget([b"hidden"], hidden=True)
    (finding,) = memory.vanished(NOW + MINUTE)
    assert (finding.kind, finding.stream, finding.group, finding.severity) == ("group_vanished", KEY, GROUP, "late")
    assert finding.message == "The stream is gone, and its group billing with it: missing for 1 min"
    assert finding.detail.startswith("It still had 3 pending and 5 undelivered. ")
    assert (finding.since_ms, finding.oldest_ms) == (NOW, MINUTE)
    assert memory.vanished(NOW + HOUR) == ()
    memory.take(replace(sample(lag=Figure(5)), now_ms=NOW + 2 * MINUTE))
    assert memory.vanished(NOW + 2 * MINUTE) == (), "it is back"


# a server ------------------------------------------------------------------------------------------------------------


def of_server(figures: ServerFigures, **recent: int) -> list[str]:
    return [f.kind for f in judge_server(ServerSeen(figures, recent, LIMITS))]


def test_a_server_that_runs_full() -> None:
    assert of_server(ServerFigures(89, 100, "noeviction")) == []
    assert of_server(ServerFigures(90, 100, "noeviction")) == ["memory"]
    assert of_server(ServerFigures(100, 100, "noeviction")) == ["refuses_writes", "memory"]
    assert of_server(ServerFigures(100, 100, "allkeys-lru")) == ["memory"]
    assert of_server(ServerFigures(10**9, 0, "noeviction")) == [], "no limit"
    assert of_server(ServerFigures()) == [], "INFO is forbidden"


@pytest.mark.parametrize(
    ("found", "severity", "detail"),
    [
        (Replication("replica", 0, "db1:6379", True), "unknown", "It follows db1:6379. Whether"),
        (Replication("replica", 0, "db1:6379", False), "late", "It follows db1:6379, which it has lost the link to."),
        (Replication("replica"), "unknown", "Whether consumers are silent or gone is unknown here"),
    ],
)
def test_a_replica_is_said_to_be_one(found: Replication, severity: str, detail: str) -> None:
    (finding,) = judge_server(ServerSeen(ServerFigures(replication=found), {}, LIMITS))
    assert (finding.kind, finding.severity, finding.stream) == ("replica", severity, None)
    assert finding.detail.startswith(detail)


@pytest.mark.parametrize("role", ["primary", "unknown"])
def test_a_primary_is_no_finding(role: Role) -> None:
    assert judge_server(ServerSeen(ServerFigures(replication=Replication(role, 2)), {}, LIMITS)) == []


def test_errors_are_news_while_they_come() -> None:
    assert of_server(ServerFigures(), OOM=3) == ["refuses_writes"]
    assert of_server(ServerFigures(), NOGROUP=200) == ["no_group_errors"]
    assert of_server(ServerFigures(), WRONGTYPE=5) == []
    memory = ServerMemory(LIMITS)
    assert memory.take(ServerFigures(errors={"NOGROUP": 7}), NOW) == (), "before we watched"
    (finding,) = memory.take(ServerFigures(errors={"NOGROUP": 207}), NOW + SECOND)
    assert finding.message == "200 commands named a group that does not exist (NOGROUP)"
    assert memory.take(ServerFigures(errors={"NOGROUP": 207}), NOW + HOUR) == ()


def test_every_kind_has_a_word_and_every_word_a_rule() -> None:
    rules = {rule.__name__ for rule in (*GROUP_RULES, *STREAM_RULES, *SERVER_RULES)}
    assert rules == WORDS.keys() - {"silent_consumer", "unreachable"}, "with stuck, and where there are no figures"
    assert len(set(WORDS.values())) == len(WORDS)


def test_what_waits_is_about_as_much_where_the_server_miscounts() -> None:
    of = sample(lag=Figure(100, approximate=True), delivered_ago=2 * MINUTE)
    finding = kinds(of)["no_consumer"]
    assert (finding.count, finding.count_about, finding.detail) == (100, True, "About 100 undelivered entries.")
