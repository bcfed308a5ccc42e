"""An operation with a duty limit reads and does a batch in pieces that occupy the server for about a millisecond."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.ids import MIN
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.actions.context import ActionContext
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.reads.pending import PendingWork, aged
from streams_admin.actions.registry import ALL
from streams_admin.actions.work import Batch
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import pacing, start, state
from streams_admin.operations.pacing import Pace, behind_others, divided, paces_of
from streams_admin.operations.pieces import GENTLE
from tests.benchmarks.turns import counting
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.streams_admin.acting import ADMIN, of_group, pending, planned
from tests.streams_admin.recipes import HELPER

HELD = (b"worker", 3, 900)
OTHER = PendingWork("4-0", b"other", 1, 5)
COUNT, FIRST_BATCH, PIECE = 560, 500, 20
LOOKS = [60, 60]
"""Entries that are pending at each rest until all of the last batch is read: GENTLE at once, since each is named."""


@pytest.mark.parametrize(
    ("way", "seconds", "entries", "size"),
    [
        (0.0001, 0.0011, 50, 50),
        (0.0001, 0.0021, 50, 25),
        (0.0001, 0.0101, 50, pacing.LEAST),
        (0.05, 0.0505, 50, 9),
        (0.0001, 0.0002, 500, 500),
    ],
    ids=["a millisecond", "dear", "very dear", "far away", "never more than a batch"],
)
def test_a_piece_occupies_the_server_for_about_a_millisecond(
    way: float, seconds: float, entries: int, size: int
) -> None:
    found = Pace(way)
    assert found.size() == pacing.FIRST
    found.took(seconds, entries)
    assert found.size() == size


def test_the_cheapest_of_the_last_pieces_counts() -> None:
    found = Pace(0.0001)
    found.took(0.0011, 50)
    for _ in range(pacing.REMEMBERED - 1):
        found.took(5.0, 50)
    assert found.size() == 50, "it was we who waited"
    found.took(5.0, 50)
    assert found.size() == pacing.LEAST, "everything has become dear"


def test_the_server_says_that_it_is_we_who_wait() -> None:
    """Each piece takes us 6 ms, since another thread has the interpreter; the server needs 0.2 ms for it."""
    found = Pace(0.0001)
    asked = []
    for _ in range(pacing.ASK_EVERY + 1):
        asked.append(found.asks)
        spent = found.took(0.006, 50, 0.0002 if found.asks else None)
        assert spent == pytest.approx(0.0002)
    assert found.size() == 250
    assert [at for at, each in enumerate(asked) if each] == [0, pacing.ASK_EVERY]


def test_what_others_have_the_server_do_is_not_taken_for_ours() -> None:
    """The server's own account has every client's commands: the wall says that a piece cannot have cost that much."""
    found = Pace(0.0001)
    assert found.took(0.0011, 50, 0.9) == pytest.approx(0.001)
    assert found.size() == 50


def test_what_becomes_dearer_is_asked_about_at_once() -> None:
    """What was cheap before says nothing of other entries; and what is dear to us alone makes no piece smaller."""
    found = Pace(0.0001)
    for _ in range(10):
        found.took(0.0002, 500, 0.0001 if found.asks else None)
    assert (found.size(), found.asks) == (500, False)
    found.took(0.0101, 500)
    assert found.asks
    found.took(0.0101, 500, 0.010)
    assert (found.size(), found.asks) == (50, False)
    found.took(0.0301, 50, None)
    assert found.asks
    found.took(0.0301, 50, 0.001)
    assert (found.size(), found.asks) == (50, False)


def test_each_trip_has_its_way() -> None:
    """Five requests to a server 20 ms away; it needs a millisecond for 50 entries."""
    found = Pace(0.02)
    assert found.took(0.101, 50, trips=5) == pytest.approx(0.0101), "not less than a tenth: ways differ"
    assert found.size() == pacing.LEAST
    near = Pace(0.0001)
    assert near.took(0.0015, 50, trips=5) == pytest.approx(0.001)
    assert near.size() == 50


def test_a_pace_has_no_piece_above_its_most() -> None:
    assert Pace(0.0001, 20).size() == 20
    trims = Pace(0.0001, 10_000)
    trims.took(0.0002, 10_000)
    assert trims.size() == 10_000


def test_a_piece_for_which_nothing_was_sent_says_nothing() -> None:
    found = Pace(0.0001)
    assert found.took(0.00001, 20) == 0.0
    assert found.size() == pacing.FIRST
    found.took(0.0011, 50)
    found.took(0.00001, 20)
    assert found.size() == 50


def test_the_server_is_asked_how_long_it_worked(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2_000)
    with pacing.measured(server, ask=True) as took:
        for _ in range(20):
            redis_client.execute_command("XRANGE", KEY, "-", "+")
    assert took.served is not None
    assert 0.001 < took.served < took.seconds
    with pacing.measured(server, ask=False) as took:
        pass
    assert took.served is None


def test_a_server_that_does_not_say_is_measured_by_the_clock(
    server: Server, redis_client: redis.Redis, redis_url: str
) -> None:
    redis_client.execute_command("ACL", "SETUSER", "quiet", "on", ">secret", "~*", "+@all", "-info")
    links.configure([ServerConfig("default", redis_url.replace("://", "://quiet:secret@"))])
    with pacing.measured(links.get("default"), ask=True) as took:
        time.sleep(0.01)
    assert took.served is None
    assert took.seconds >= 0.01


def test_the_way_is_measured_once_for_an_operation(server: Server) -> None:
    one, other = uuid4(), uuid4()
    with counting() as sent:
        found = [paces_of(operation, server) for operation in (one, other, one)]
    assert found[0] is found[2] is not found[1]
    assert sent.trips == 2 * pacing.LOOKS


def test_pieces_are_cut_across_those_that_are_held_alike() -> None:
    work = [PendingWork("1-0 2-0 3-0", *HELD), OTHER, PendingWork("5-0 6-0", *HELD)]
    sizes = iter([2, 3, 5])
    assert list(divided(work, lambda: next(sizes))) == [
        [PendingWork("1-0 2-0", *HELD)],
        [PendingWork("3-0", *HELD), OTHER, PendingWork("5-0", *HELD)],
        [PendingWork("6-0", *HELD)],
    ]


def test_who_waits_grows_older() -> None:
    assert aged([PendingWork("1-0", b"w", 1, 900, MIN)], 40) == [PendingWork("1-0", b"w", 1, 940, MIN)]


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="only Linux has it")
def test_a_thread_lets_others_go_first_and_is_as_before_afterwards() -> None:
    with suppress(ZeroDivisionError), behind_others():
        assert os.sched_getscheduler(0) == os.SCHED_BATCH
        raise ZeroDivisionError
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize("call", ["sched_getscheduler", "sched_setscheduler"])
def test_where_the_system_does_not_allow_it_nothing_is_different(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, call, refused := Mock(side_effect=OSError(errno.ENOSYS, "Function not implemented")))
    with behind_others():
        assert refused.call_count == 1


def test_where_the_system_has_no_such_thing_nothing_is_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getscheduler")
    with behind_others():
        pass


# As an operation -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, db: None) -> redis.Redis:
    """COUNT entries, delivered just now; the first 500 are done with the request, then pieces of PIECE."""
    monkeypatch.setattr(Pace, "size", lambda self: PIECE)
    fill(redis_client, COUNT)
    group(redis_client, read=COUNT)
    return redis_client


def begun(slug: str, params: dict[str, Any], between: Callable[[int], object], patch: pytest.MonkeyPatch) -> Operation:
    """The operation once it is over. `between` is called at each rest, with how many there were before."""
    operation = start.begin(ADMIN, planned(slug, params))
    rests: list[int] = []

    def rest(_: Operation) -> None:
        between(len(rests))
        rests.append(1)

    patch.setattr(state, "rest", rest)
    assert start.work_once()
    operation.refresh_from_db()
    return operation


def test_it_rests_between_pieces(stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    operation = begun("ack", of_group(), lambda _: left.append(len(pending(stuck))), monkeypatch)
    assert (operation.state, operation.results, left) == ("done", {"done": COUNT}, [*LOOKS, 40, 20])


@pytest.mark.parametrize("rests", [1, len(LOOKS)], ids=["while others are read", "between two pieces"])
def test_what_is_touched_once_it_was_read_is_left_alone(
    rests: int, stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the rest was: what was read before it counts as older by as much."""

    def touch(number: int) -> None:
        if number == rests:
            stuck.xclaim(KEY, GROUP, b"thief", 0, ["540-0"], justid=True)
            time.sleep(0.5)

    operation = begun("claim", of_group(to=to_path(HELPER)), touch, monkeypatch)
    assert operation.results == {"done": COUNT - 1, "owner_changed": 1}
    assert pending(stuck)[b"540-0"][0] == b"thief"


def test_what_is_refused_after_a_piece_was_done_is_a_failure_that_counts_it(
    stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(number: int) -> None:
        if number == len(LOOKS):
            stuck.xgroup_destroy(KEY, GROUP)

    operation = begun("claim", of_group(to=to_path(HELPER)), vanish, monkeypatch)
    assert (operation.state, operation.results) == ("failed", {"done": FIRST_BATCH + PIECE})
    assert "does not exist" in operation.error
    assert AuditEntry.objects.latest("pk").outcome == "partly_done"


def test_a_long_batch_shows_that_its_runner_lives(stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams_admin.operations.loop.HEARTBEAT_EVERY", 0.0)
    beats: list[object] = []

    def note(_: int) -> None:
        beats.append(Operation.objects.get().heartbeat_at)
        time.sleep(0.002)  # the database's clock counts milliseconds

    operation = begun("ack", of_group(), note, monkeypatch)
    assert operation.state == "done"
    assert len(set(beats)) == len(beats) == len(LOOKS) + 2


def test_who_is_taken_over_between_two_pieces_does_no_more(stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams_admin.operations.loop.HEARTBEAT_EVERY", 0.0)

    def take_over(number: int) -> None:
        if number >= len(LOOKS):
            Operation.objects.update(runner="elsewhere:1")

    operation = begun("ack", of_group(), take_over, monkeypatch)
    assert (operation.runner, operation.state, len(pending(stuck))) == ("elsewhere:1", "running", 40)
    assert {who for who, _, _ in pending(stuck).values()} == {WORKER}


@pytest.mark.parametrize(("slug", "sizes"), [("ghosts", {GENTLE}), ("ack", {PIECE})])
def test_a_look_of_several_trips_does_not_say_what_an_entry_costs(
    slug: str, sizes: set[int], many: redis.Redis, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setattr(Pace, "size", lambda self: PIECE)
    many.xtrim(KEY, maxlen=0, approximate=False)
    operation = start.begin(ADMIN, planned(slug, of_group()))
    told, looks = type(ALL[slug]).batch, []

    def batch(self: PendingAction, ctx: ActionContext, *more: Any) -> Batch:
        looks.append(ctx.most)
        return told(self, ctx, *more)

    monkeypatch.setattr(type(ALL[slug]), "batch", batch)
    assert start.work_once(600.0)
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("done", {"done": 1200})
    assert set(looks) == sizes
