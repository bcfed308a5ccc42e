"""Groups on a real server: created, moved and destroyed as the plan says, and not at all when something changed."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams.errors import NotAStream, ServerRefused
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from dashboard.streams.queries import GroupQuery
from streams_admin import writes
from streams_admin.actions import gate
from streams_admin.actions.reads import positions
from streams_admin.actions.work import Step
from streams_admin.errors import BadParameters, Changed, NotConfirmed
from streams_admin.models import AuditEntry, Plan
from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.streams_admin import acting
from tests.streams_admin.acting import ADMIN, counts_reads, lost_replies, run, without_scripts

pytestmark = pytest.mark.django_db(transaction=True)
G = to_path(GROUP)


def planned(server: Server, slug: str, **params: Any) -> Plan:
    return acting.planned(slug, params)


def state(server: Server, name: bytes = GROUP, key: bytes = KEY) -> Any:
    return server.run(GroupQuery(key, name, server.capabilities()))


@pytest.mark.parametrize(
    ("position", "left"),
    [("0", 5), ("$", 0), ("3-0", 2), ("2", 3), (0, 5), ("1970-01-01T00:00:00.003+00:00", 3)],
    ids=["start", "end", "an ID", "milliseconds", "a number", "a time: from then on"],
)
def test_a_group_is_created_where_the_plan_says(
    server: Server, redis_client: redis.Redis, position: Any, left: int
) -> None:
    fill(redis_client, 5)
    plan = planned(server, "group_create", group=G, position=position)
    assert plan.preview["counts"] == {"to_deliver": left}
    done = run(plan)
    assert (done.state, done.results) == ("done", {"done": 1})
    assert [c["after"] for c in plan.preview["changes"]] == [1, left]
    redis_client.xadd(KEY, {"n": "6"}, id="6-0")
    got = redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=10)
    assert len(got[0][1]) == left + 1


@pytest.mark.parametrize("position", ["0", "$", "3-0"])
def test_the_lag_of_a_new_group_is_known(server: Server, redis_client: redis.Redis, position: str) -> None:
    """Without ENTRIESREAD, a group that begins at the end has an unknown lag after the next entry."""
    fill(redis_client, 5)
    redis_client.xtrim(KEY, minid="2-0", approximate=False)
    run(planned(server, "group_create", group=G, position=position))
    redis_client.xadd(KEY, {"n": "6"}, id="6-0")
    lag = state(server).group.lag
    expected = {"0": 5, "$": 1, "3-0": 3}[position]
    known = counts_reads(server) or position == "0"
    assert lag.value == (expected if known else None)


def test_the_end_is_where_the_plan_saw_it_so_that_nothing_is_skipped(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    plan = planned(server, "group_create", group=G, position="$")
    redis_client.xadd(KEY, {"n": "3"}, id="3-0")
    run(plan)
    got = redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"})
    assert [id_ for id_, _ in got[0][1]] == [b"3-0"]


def test_a_group_needs_a_stream_or_leave_to_create_one(server: Server, redis_client: redis.Redis) -> None:
    with pytest.raises(Changed, match="set mkstream"):
        planned(server, "group_create", group=G, position="0")
    done = run(planned(server, "group_create", group=G, position="$", mkstream=True))
    assert (done.state, done.before, redis_client.xlen(KEY)) == ("done", [["groups", 0]], 0)
    redis_client.xadd(KEY, {"n": "1"})
    assert state(server).group.lag.value == 1


def test_a_group_is_created_once(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    first, second = (planned(server, "group_create", group=G, position="0") for _ in range(2))
    run(first)
    with pytest.raises(Changed, match="already"):
        run(second)
    with pytest.raises(Changed, match="already"):
        planned(server, "group_create", group=G, position="$")
    assert AuditEntry.objects.filter(outcome="refused").count() == 1


def test_a_group_that_came_at_the_last_moment_is_left_alone(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    group(redis_client, read=2)
    with pytest.raises(ServerRefused) as refused:
        writes.group_create(server, KEY, GROUP, StreamId(0, 0))
    assert refused.value.code == "BUSYGROUP"
    assert state(server).group.pending == 2


def test_a_stream_that_was_made_anew_gets_no_group_of_an_old_plan(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    plan = planned(server, "group_create", group=G, position="3-0")
    redis_client.delete(KEY)
    fill(redis_client, 1)
    with pytest.raises(Changed, match="deleted in the meantime"):
        run(plan)


def test_another_type_is_refused(server: Server, redis_client: redis.Redis) -> None:
    redis_client.set(KEY, "text")
    with pytest.raises(NotAStream):
        planned(server, "group_create", group=G, position="0", mkstream=True)


@pytest.mark.parametrize(
    ("slug", "params"),
    [
        ("group_create", {"position": "0"}),
        ("group_create", {"group": "", "position": "0"}),
        ("group_create", {"group": "no path name"}),
        ("group_create", {"group": G}),
        ("group_create", {"group": G, "position": "soon"}),
        ("group_create", {"group": G, "position": "1-2-3"}),
        ("group_create", {"group": G, "position": "99999999999999999999-0"}),
        ("group_create", {"group": G, "position": "0", "mkstream": "yes"}),
        ("group_set_position", {"group": G}),
        ("group_set_position", {"group": G, "position": "0", "like": "other"}),
        ("group_set_position", {"position": "0"}),
        ("group_destroy", {}),
        ("group_destroy", {"group": "~ZZ"}),
    ],
)
def test_nonsense_is_refused(server: Server, redis_client: redis.Redis, slug: str, params: dict[str, Any]) -> None:
    fill(redis_client, 1)
    with pytest.raises(BadParameters):
        planned(server, slug, **params)


MOVES = [
    # read so far, position, delivered again, skipped, left then
    (3, "0", 3, 0, 5),
    (3, "$", 0, 2, 0),
    (3, "1-0", 2, 0, 4),
    (3, "4-0", 0, 1, 1),
    (5, "2", 3, 0, 3),
    (0, "5-0", 0, 5, 0),
]


@pytest.mark.parametrize(("read", "position", "again", "skipped", "left"), MOVES)
def test_a_position_is_set_with_the_effect_that_was_shown(
    server: Server, redis_client: redis.Redis, read: int, position: str, again: int, skipped: int, left: int
) -> None:
    fill(redis_client, 5)
    group(redis_client, read=read)
    plan = planned(server, "group_set_position", group=G, position=position)
    assert plan.preview["counts"] == {"delivered_again": again, "skipped": skipped}
    assert (plan.preview["changes"][0]["now"], plan.preview["changes"][0]["after"]) == (5 - read, left)
    assert run(plan).results == {"done": 1}
    got = redis_client.xreadgroup(GROUP, b"fresh", {KEY: ">"})
    assert len(got[0][1] if got else []) == left


@pytest.mark.parametrize(("read", "position", "again", "skipped", "left"), MOVES)
def test_the_lag_is_known_after_a_move(
    server: Server, redis_client: redis.Redis, read: int, position: str, again: int, skipped: int, left: int
) -> None:
    fill(redis_client, 5)
    group(redis_client, read=read)
    run(planned(server, "group_set_position", group=G, position=position))
    redis_client.xadd(KEY, {"n": "6"}, id="6-0")
    if counts_reads(server):
        assert state(server).group.lag.value == left + 1


def test_a_group_can_be_set_like_another(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=1)
    group(redis_client, read=4, name=b"model")
    plan = planned(server, "group_set_position", group=G, like="model")
    assert plan.preview["counts"] == {"delivered_again": 0, "skipped": 3}
    run(plan)
    assert state(server).group.last_delivered_id == StreamId(4, 0)
    assert state(server, b"model").group.last_delivered_id == StreamId(4, 0)
    with pytest.raises(Changed, match="no group"):
        planned(server, "group_set_position", group=G, like="nobody")


def test_a_position_is_not_set_where_it_is(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=2)
    run(planned(server, "group_set_position", group=G, position="$"))
    with pytest.raises(Changed, match="already"):
        planned(server, "group_set_position", group=G, position="$")


def test_a_group_that_moved_since_the_plan_is_not_set(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=2)
    plan = planned(server, "group_set_position", group=G, position="0")
    redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=1)
    with pytest.raises(Changed, match="moved from 2-0 to 3-0"):
        run(plan)
    assert state(server).group.last_delivered_id == StreamId(3, 0)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_command_itself_looks_again(
    server: Server, redis_client: redis.Redis, redis_url: str, scripts: bool
) -> None:
    """Between the last look and the command a worker may read: the script, or else one more look, sees it."""
    fill(redis_client, 5)
    group(redis_client, read=3)
    watched = server if scripts else without_scripts(redis_client, redis_url)
    words = writes.group_set_argv(KEY, GROUP, StreamId(0, 0))
    assert writes.on_group_as_seen(watched, words, position=StreamId(2, 0)) == -1
    assert writes.on_group_as_seen(watched, words, position=StreamId(3, 0)) == 1
    nobody = writes.group_set_argv(KEY, b"nobody", StreamId(0, 0))
    assert writes.on_group_as_seen(watched, nobody, position=StreamId(0, 0)) == 0


def test_what_moved_at_the_last_moment_fails_and_says_so(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(redis_client, 5)
    group(redis_client, read=2)
    plan = planned(server, "group_set_position", group=G, position="0")
    monkeypatch.setattr(writes, "on_group_as_seen", lambda *args, **given: -1)
    done = run(plan)
    assert (done.state, done.error) == ("failed", "The group moved in the meantime. Nothing was done.")
    assert AuditEntry.objects.latest("pk").outcome == "failed"


def test_workers_and_pending_entries_are_warned_of(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=3)
    back = planned(server, "group_set_position", group=G, position="0").preview["notes"]
    assert any("3 of them are still pending" in note["title"] for note in back)
    assert any("is reading" in note["title"] and note["severity"] == "stuck" for note in back)
    skip = planned(server, "group_set_position", group=G, position="$").preview["notes"]
    assert skip[0]["title"].startswith("2 will never be delivered")
    beyond = planned(server, "group_set_position", group=G, position="9-0").preview["notes"]
    assert any("beyond the last entry" in note["title"] for note in beyond)


def test_counting_is_bounded(server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "PAGES", 2)
    fill(redis_client, 2600)
    group(redis_client, read=0)
    redis_client.execute_command("XGROUP", "SETID", KEY, GROUP, "100-0")
    plan = planned(server, "group_set_position", group=G, position="1300-0")
    assert plan.preview["least"]
    assert plan.preview["counts"]["skipped"] == 1000
    assert plan.preview["title"].startswith("Skip at least 1,000 entries")
    assert plan.preview["changes"][0]["after"] is None


def test_a_group_is_destroyed_with_its_typed_name(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    redis_client.xgroup_create(KEY, b"billing", id="0")
    redis_client.xreadgroup(b"billing", WORKER, {KEY: ">"}, count=2)
    plan = planned(server, "group_destroy", group="billing")
    assert (plan.preview["confirm"], plan.preview["counts"]) == ("billing", {"pending": 2, "consumers": 1, "alive": 1})
    assert plan.preview["notes"][0]["title"].endswith("is reading")
    for wrong in ("", "bill", "yes"):
        with pytest.raises(NotConfirmed):
            start.begin(ADMIN, plan, confirm=wrong)
    done = run(plan)
    assert (done.state, done.results, dict(done.after)) == ("done", {"done": 1}, {"groups": 0})
    assert redis_client.xinfo_groups(KEY) == []
    assert redis_client.xlen(KEY) == 5
    with pytest.raises(Changed, match="no group billing"):
        planned(server, "group_destroy", group="billing")


@pytest.mark.parametrize("name", [GROUP, b" billing ", b"\xe2\x80\xaegnp", b""])
def test_names_that_nobody_can_type_are_typed_as_path_names(
    server: Server, redis_client: redis.Redis, name: bytes
) -> None:
    fill(redis_client, 1)
    redis_client.xgroup_create(KEY, name, id="0")
    plan = planned(server, "group_destroy", group=to_path(name))
    assert plan.preview["confirm"] == to_path(name)
    assert run(plan).state == "done"


def test_a_group_in_use_is_not_destroyed(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=2)
    plan = planned(server, "group_destroy", group=G)
    redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=1)
    with pytest.raises(Changed, match="moved"):
        run(plan)
    words = writes.group_destroy_argv(KEY, GROUP)
    assert writes.on_group_as_seen(server, words, position=StreamId(3, 0), pending=2, consumers=1) == -1
    assert writes.on_group_as_seen(server, words, position=StreamId(3, 0), pending=3, consumers=0) == -1
    assert state(server).group.pending == 3


def test_what_was_acknowledged_meanwhile_is_no_reason_to_keep_it(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=2)
    plan = planned(server, "group_destroy", group=G)
    redis_client.xack(KEY, GROUP, "1-0")
    assert run(plan).state == "done"


@pytest.mark.parametrize("read", [0, 2])
def test_a_group_that_was_destroyed_and_created_again_at_once_is_unknown(
    server: Server, redis_client: redis.Redis, read: int
) -> None:
    """The reply is lost, and its workers create it again, where it was, before anybody looks."""
    fill(redis_client, 5)
    group(redis_client, read=read)
    plan = planned(server, "group_destroy", group=G)

    def destroying(command: tuple[Any, ...]) -> bool:
        if "DESTROY" not in command:
            return False
        redis_client.xgroup_create(KEY, GROUP, id=f"{read}-0")
        return True

    with lost_replies(destroying):
        operation = run(plan)
    assert operation.results == {"unknown": 1}
    assert redis_client.xinfo_groups(KEY)[0]["pending"] == 0


@pytest.mark.parametrize(
    ("slug", "params", "meanwhile", "expected"),
    [
        ("group_create", {"group": "new", "position": "0"}, ("XGROUP", "CREATE", KEY, "new", "0"), "done"),
        ("group_create", {"group": "new", "position": "0"}, None, "failed"),
        ("group_set_position", {"group": G, "position": "0"}, ("XGROUP", "SETID", KEY, GROUP, "0"), "done"),
        ("group_set_position", {"group": G, "position": "0"}, ("XGROUP", "SETID", KEY, GROUP, "1-0"), "done"),
        ("group_set_position", {"group": G, "position": "0"}, ("XGROUP", "SETID", KEY, GROUP, "4-0"), "unknown"),
        ("group_set_position", {"group": G, "position": "0"}, ("XGROUP", "DESTROY", KEY, GROUP), "unknown"),
        ("group_set_position", {"group": G, "position": "0"}, None, "failed"),
        ("group_destroy", {"group": G}, ("XGROUP", "DESTROY", KEY, GROUP), "done"),
        ("group_destroy", {"group": G}, None, "failed"),
        ("group_destroy", {"group": G}, ("XACK", KEY, GROUP, "1-0", "2-0"), "unknown"),
    ],
)
def test_after_a_lost_reply_it_is_found_out_by_reading(
    server: Server,
    redis_client: redis.Redis,
    slug: str,
    params: dict[str, Any],
    meanwhile: tuple[Any, ...] | None,
    expected: str,
) -> None:
    fill(redis_client, 5)
    group(redis_client, read=2)
    plan = planned(server, slug, **params)
    if meanwhile:
        redis_client.execute_command(*meanwhile)
    action = gate.resolve(slug)
    found = action.reconcile(gate.context_of(plan, ADMIN.principal), gate.seen_of(plan), [Step()])
    assert dict(found.counts) == {expected: 1}
