"""Release: any worker can claim it at once; what changed hands meanwhile stays where it is."""

from __future__ import annotations

import pytest
import redis

from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server, ServerConfig
from streams_admin import writes
from streams_admin.actions.context import ActionContext
from streams_admin.actions.pending.release import RELEASED_MS, Release
from streams_admin.actions.reads.pending import PendingWork
from streams_admin.actions.reads.snapshots import EachSeen, PendingSeen
from streams_admin.errors import Changed
from streams_admin.params.pending import ReleaseParams
from streams_admin.writes import Lease
from tests.dashboard.streams.impostor import impostor
from tests.dashboard.streams.seeding import GROUP, KEY, OTHER, WORKER, fill, group, neglect
from tests.streams_admin.acting import (
    act,
    before_sending,
    lost_replies,
    of_group,
    pending,
    planned,
    run,
    without_scripts,
)

pytestmark = pytest.mark.django_db
EVAL = "EVAL"
HELD = {
    b"1-0": b"*1\r\n*4\r\n$3\r\n1-0\r\n$2\r\nw1\r\n:600000\r\n:3\r\n",
    b"2-0": b"*1\r\n*4\r\n$3\r\n2-0\r\n$5\r\nthief\r\n:5\r\n:4\r\n",
}
"""What XPENDING says of an ID."""


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Six entries; the first four are pending with WORKER, idle for ten minutes, delivered three times."""
    fill(redis_client, 6)
    group(redis_client, read=4)
    for number in range(1, 5):
        neglect(redis_client, f"{number}-0", idle_ms=600_000, deliveries=3)
    return redis_client


def test_another_worker_takes_released_entries_by_their_idle_time(stuck: redis.Redis) -> None:
    assert act("release", of_group("1-0", "3-0")).results == {"done": 2}
    taken = stuck.xautoclaim(KEY, GROUP, b"fresh", 3_600_000, justid=True)
    assert taken == [b"1-0", b"3-0"]


def hands_back() -> bool:
    """Whether the server has XNACK (Redis 8.8): released entries belong to nobody then, and have no idle time."""
    return links.get("default").capabilities().has("xnack")


def test_owner_and_delivery_count_stay(stuck: redis.Redis) -> None:
    act("release", of_group())
    if hands_back():
        assert set(pending(stuck).values()) == {(b"", -1, 3)}
        return
    assert {(who, count) for who, _, count in pending(stuck).values()} == {(WORKER, 3)}
    assert all(idle >= RELEASED_MS for _, idle, _ in pending(stuck).values())


def test_an_entry_idle_for_longer_than_a_day_keeps_its_idle_time(stuck: redis.Redis) -> None:
    neglect(stuck, "2-0", idle_ms=3 * RELEASED_MS)
    assert act("release", of_group("2-0")).results == {"done": 1}
    if hands_back():
        assert pending(stuck)[b"2-0"][:2] == (b"", -1)
        return
    assert pending(stuck)[b"2-0"][1] >= 3 * RELEASED_MS


def test_each_entry_goes_back_to_its_own_consumer_even_a_nameless_one(stuck: redis.Redis) -> None:
    neglect(stuck, "2-0", idle_ms=600_000, consumer=OTHER)
    assert act("release", of_group("1-0", "2-0")).results == {"done": 2}
    assert pending(stuck)[b"2-0"][0] == OTHER


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_delivered_again_between_look_and_act_is_left_alone(
    stuck: redis.Redis, redis_url: str, scripts: bool
) -> None:
    if not scripts:
        without_scripts(stuck, redis_url)

    def taken_over() -> None:
        stuck.xclaim(KEY, GROUP, b"thief", 0, ["1-0"])

    with before_sending(lambda command: command[0] in (EVAL, "XCLAIM"), taken_over):
        operation = act("release", of_group("1-0", "2-0"))
    assert operation.results == {"owner_changed": 1, "done": 1}
    assert pending(stuck)[b"1-0"][0] == b"thief"
    assert pending(stuck)[b"1-0"][1] < 60_000


def test_what_was_acknowledged_after_the_plan_is_said_to_be(stuck: redis.Redis) -> None:
    plan = planned("release", of_group("1-0", "2-0"))
    stuck.xack(KEY, GROUP, "1-0")
    assert run(plan).results == {"already_acknowledged": 1, "done": 1}


def test_a_lost_reply_is_found_out_by_reading(stuck: redis.Redis) -> None:
    with lost_replies(lambda command: command[0] == EVAL):
        assert act("release", of_group()).results == {"done": 4}


def test_a_ghost_is_reported_not_touched_twice(stuck: redis.Redis) -> None:
    stuck.xdel(KEY, "1-0")
    results = act("release", of_group("1-0", "2-0")).results
    assert results in ({"body_gone": 1, "done": 1}, {"done": 2})  # Redis 6.2 keeps a ghost pending
    assert (b"1-0" in pending(stuck)) == (results == {"done": 2})


def test_nothing_pending_is_refused(stuck: redis.Redis) -> None:
    with pytest.raises(Changed):
        planned("release", of_group("6-0"))


def _probed(command: list[bytes]) -> bytes:
    """Redis 8.8 as far as it is asked: it has XNACK."""
    if command[0] == b"COMMAND":
        return b"*1\r\n*1\r\n$5\r\nxnack\r\n" if command[2] == b"xnack" else b"*1\r\n*-1\r\n"
    return b"$19\r\nredis_version:8.8.0\r\n" if command[0] == b"INFO" else b"*1\r\n:1\r\n"


def test_where_there_is_xnack_it_is_used_guarded_by_a_script(server: Server) -> None:
    with impostor(_probed) as other:
        links.configure([ServerConfig("default", other.url)])
        ctx = ActionContext(Principal("anna"), links.get("default"), KEY, ReleaseParams(group=GROUP, ids=("1-0",)))
        done = Release().act(ctx, PendingSeen(EachSeen((), ())), [PendingWork("1-0", b"w1", 3, 600_000)])
        sent = other.heard[-1]
    assert done.named == {"done": "1-0"}
    assert sent[0] == b"EVAL"
    assert b"'XNACK', KEYS[1], ARGV[1], 'FAIL', 'IDS', 1, id" in sent[1]
    assert sent[2:] == [b"1", KEY, GROUP, b"1-0", b"w1", b"3"]


def test_xnack_without_scripts_is_one_command_per_entry_that_is_as_it_was(server: Server) -> None:
    def answer(command: list[bytes]) -> bytes:
        if command[0] == b"EVAL":
            return b"-NOPERM no scripts\r\n"
        return HELD.get(command[3], b"*0\r\n") if command[0] == b"XPENDING" else b":1\r\n"

    with impostor(answer) as other:
        links.configure([ServerConfig("default", other.url)])
        entries = [Lease(StreamId(n, 0), consumer=b"w1", deliveries=3, idle_ms=600_000) for n in (1, 2, 3)]
        assert writes.nack(links.get("default"), KEY, GROUP, entries) == [1, -1, 0]
        assert [words for words in other.heard if words[0] == b"XNACK"] == [
            [b"XNACK", KEY, GROUP, b"FAIL", b"IDS", b"1", b"1-0"]
        ]
