"""Safe trim: never past what any group has pending or has not read, and it says which group holds it back."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.names import plain
from streams_admin.actions.context import Scope
from streams_admin.actions.streams import trim
from streams_admin.errors import BadParameters, Changed
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.streams_admin.acting import ADMIN, act, before_sending, entries, planned, run, without_scripts

pytestmark = pytest.mark.django_db
COUNT = 1_000


@pytest.fixture
def stream(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """1-0 to 1000-0; GROUP has read all and acknowledged all but 601-0, OTHERS has read up to 700-0."""
    redis_client.config_set("stream-node-max-entries", "100")
    fill(redis_client, COUNT)
    group(redis_client, read=COUNT)
    redis_client.xack(KEY, GROUP, *[f"{n}-0" for n in range(1, COUNT + 1) if n != 601])
    redis_client.xgroup_create(KEY, "others", id="700-0")
    return redis_client


def first(client: redis.Redis) -> int:
    return int(entries(client)[0][0].split(b"-")[0])


def notes(params: dict[str, Any]) -> list[str]:
    return [note["title"] for note in planned("trim", params).preview["notes"]]


@pytest.mark.parametrize("bound", [{"minid": "900-0"}, {"maxlen": 10}, {"maxlen": 0}])
def test_it_stops_at_the_lowest_need(stream: redis.Redis, bound: dict[str, Any]) -> None:
    params = {**bound, "safe": True, "approximate": False}
    plan = planned("trim", params)
    assert (plan.preview["total"], plan.preview["least"]) == (600, False)
    assert plan.preview["notes"][0]["title"].endswith("holds the trim back")
    assert "1 entry pending, the oldest of them 601-0" in plan.preview["notes"][0]["text"]
    assert run(plan).results == {"done": 600}
    assert first(stream) == 601


def test_an_age_stops_there_too(server: Server, redis_client: redis.Redis) -> None:
    """1,000 entries of a day ago, a millisecond apart; GROUP has read all and acknowledged all but the 601st."""
    oldest = (int(redis_client.time()[0]) - 86_400) * 1000
    for number in range(1, COUNT + 1):
        redis_client.xadd(KEY, {"n": number}, id=f"{oldest + number}-0")
    group(redis_client, read=COUNT)
    redis_client.xack(KEY, GROUP, *[f"{oldest + n}-0" for n in range(1, COUNT + 1) if n != 601])
    plan = planned("trim", {"older_than_ms": 1, "safe": True, "approximate": False})
    assert (plan.preview["total"], plan.preview["least"]) == (600, False)
    assert run(plan).results == {"done": 600}
    assert first(redis_client) == oldest + 601


def test_unread_entries_hold_it_back_too(stream: redis.Redis) -> None:
    stream.xack(KEY, GROUP, "601-0")
    preview = planned("trim", {"minid": "900-0", "safe": True}).preview
    assert preview["notes"][0]["title"] == "others holds the trim back"
    assert "read only up to 700-0" in preview["notes"][0]["text"]
    act("trim", {"minid": "900-0", "safe": True, "approximate": False})
    assert first(stream) == 701


@pytest.mark.parametrize("bound", [{"minid": "301-0"}, {"maxlen": 700}])
def test_a_bound_that_nobody_needs_is_kept_to(stream: redis.Redis, bound: dict[str, Any]) -> None:
    assert notes({**bound, "safe": True})[0] == "No group loses anything"
    assert act("trim", {**bound, "safe": True, "approximate": False}).results == {"done": 300}
    assert first(stream) == 301


def test_a_length_too_deep_to_look_at_is_kept_to(server: Server, redis_client: redis.Redis) -> None:
    """Neither what goes nor what stays fits into a page; GROUP needs 901-0."""
    fill(redis_client, 2_000)
    group(redis_client, read=900)
    redis_client.xack(KEY, GROUP, *[f"{n}-0" for n in range(1, 901)])
    plan = planned("trim", {"maxlen": 1_234, "safe": True, "approximate": False})
    assert plan.preview["total"] == 766
    assert run(plan).results == {"done": 766}
    assert (redis_client.xlen(KEY), first(redis_client)) == (1_234, 767)
    assert act("trim", {"maxlen": 600, "safe": True, "approximate": False}).results == {"done": 134}
    assert first(redis_client) == 901


@pytest.mark.parametrize("read", [20_000, 19_500])
def test_a_deep_length_that_nobody_holds_back_is_told_as_a_length(
    server: Server, redis_client: redis.Redis, read: int
) -> None:
    fill(redis_client, 20_000)
    group(redis_client, read=read)
    redis_client.xack(KEY, GROUP, *[f"{n}-0" for n in range(1, read + 1)])
    preview = planned("trim", {"maxlen": 1_234, "safe": True, "approximate": False}).preview
    assert preview["notes"][0]["title"] == "No group loses anything"
    assert preview["redis_cli"][0].endswith(" MAXLEN = 1234")
    assert "the newest 1,234 stay" in preview["sentence"]


def test_a_deep_length_that_is_held_back_is_told_as_an_id(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 20_000)
    group(redis_client, read=15_000)
    redis_client.xack(KEY, GROUP, *[f"{n}-0" for n in range(1, 15_001)])
    preview = planned("trim", {"maxlen": 3_000, "safe": True, "approximate": False}).preview
    assert preview["notes"][0]["title"] == f"{plain(GROUP)} holds the trim back"
    assert preview["redis_cli"][0].endswith(" MINID = 15000-1")
    assert "those below 15000-1" in preview["sentence"]


def test_what_lies_too_deep_to_tell_is_not_told(server: Server, redis_client: redis.Redis) -> None:
    """Neither 5,000 entries from below nor from above reach the need: the run finds out."""
    fill(redis_client, 20_000)
    group(redis_client, read=10_000)
    redis_client.xack(KEY, GROUP, *[f"{n}-0" for n in range(1, 10_001)])
    plan = planned("trim", {"maxlen": 9_000, "safe": True, "approximate": False})
    assert plan.preview["notes"][0]["title"] == f"{plain(GROUP)} may hold the trim back"
    assert plan.preview["redis_cli"][0].startswith("# ")
    assert run(plan).results == {"done": 10_000}
    assert first(redis_client) == 10_001


def test_whole_nodes_only_is_safe_too(stream: redis.Redis) -> None:
    done = act("trim", {"maxlen": 10, "safe": True}).results["done"]
    assert 500 <= done <= 600
    assert first(stream) == done + 1


def test_it_goes_in_steps(stream: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trim, "CHUNK", 200)
    assert act("trim", {"maxlen": 10, "safe": True, "approximate": False}).results == {"done": 600}


def test_what_came_since_does_not_make_it_take_more(stream: redis.Redis) -> None:
    plan = planned("trim", {"maxlen": 700, "safe": True, "approximate": False})
    for number in range(1_001, 1_101):
        stream.xadd(KEY, {"n": "x"}, id=f"{number}-0")
    assert run(plan).results == {"done": 300}


def test_a_group_that_goes_back_between_two_steps_is_heeded(stream: redis.Redis) -> None:
    plan = planned("trim", {"minid": "601-0", "safe": True, "approximate": False})
    stream.xgroup_setid(KEY, "others", "250-0")
    assert run(plan).results == {"done": 250}
    assert first(stream) == 251


@pytest.mark.parametrize("approximate", [True, False])
def test_a_group_that_goes_back_just_before_a_command_loses_nothing(stream: redis.Redis, approximate: bool) -> None:
    """Groups and entries are looked at in the step that trims."""
    plan = planned("trim", {"minid": "601-0", "safe": True, "approximate": approximate})
    with before_sending(trims, lambda: stream.xgroup_setid(KEY, "others", "250-0")):
        operation = run(plan)
    assert operation.results == {"done": 200 if approximate else 250}, "nodes have a hundred entries"
    assert first(stream) == (201 if approximate else 251)


def test_what_becomes_pending_just_before_a_command_stays(stream: redis.Redis) -> None:
    plan = planned("trim", {"maxlen": 400, "safe": True, "approximate": False})
    with before_sending(trims, lambda: stream.xclaim(KEY, GROUP, WORKER, 0, ["100-0"], force=True)):
        assert run(plan).results == {"done": 99}
    assert first(stream) == 100


def trims(command: tuple[Any, ...]) -> bool:
    return command[0] in ("XTRIM", "EVAL") and "return 1" not in command


TOP = 2**64 - 1


@pytest.mark.parametrize(
    ("read", "left"),
    [
        (f"{TOP - 2}-8", [f"{TOP - 2}-9", f"{TOP - 2}-{TOP}", f"{TOP - 1}-0", f"{TOP}-{TOP}"]),
        (f"{TOP - 2}-9", [f"{TOP - 2}-{TOP}", f"{TOP - 1}-0", f"{TOP}-{TOP}"]),
        (f"{TOP - 2}-{TOP}", [f"{TOP - 1}-0", f"{TOP}-{TOP}"]),
        (f"{TOP - 1}-0", [f"{TOP}-{TOP}"]),
        (f"{TOP}-{TOP}", [f"{TOP}-{TOP}"]),
    ],
)
def test_ids_are_compared_to_the_last_digit(
    server: Server, redis_client: redis.Redis, read: str, left: list[str]
) -> None:
    """Lua's numbers are exact up to 2^53 only."""
    for id_ in ("9-1", f"{TOP - 2}-8", f"{TOP - 2}-9", f"{TOP - 2}-{TOP}", f"{TOP - 1}-0", f"{TOP}-{TOP}"):
        redis_client.xadd(KEY, {"n": "1"}, id=id_)
    redis_client.xgroup_create(KEY, "others", id=read)
    act("trim", {"minid": f"{TOP}-{TOP}", "safe": True, "approximate": False})
    assert [id_.decode() for id_, _ in entries(redis_client)] == left


def test_without_scripts_the_plan_says_what_is_not_certain(stream: redis.Redis, redis_url: str) -> None:
    without_scripts(stream, redis_url)
    params = {"minid": "601-0", "safe": True, "approximate": False}
    assert "Groups are checked right before each command, not in the same step" in notes(params)
    plan = planned("trim", params)
    stream.xgroup_setid(KEY, "others", "250-0")
    assert run(plan).results == {"done": 250}
    assert first(stream) == 251


def test_without_scripts_the_server_itself_checks_the_groups_where_it_can(stream: redis.Redis, redis_url: str) -> None:
    """XTRIM ACKED, where there is one: from 8.2."""
    server = without_scripts(stream, redis_url)
    if not server.capabilities().has("xdelex"):
        assert not trim._asks_itself(Scope(ADMIN.principal, server, KEY), exact=True)
        return
    stream.xtrim(KEY, minid="601-0", approximate=False)
    stream.xack(KEY, GROUP, "601-0")
    going_back = [False]

    def exactly(command: tuple[Any, ...]) -> bool:
        going_back[0] = command[0] == "XTRIM" and "=" in command
        return going_back[0]

    with before_sending(exactly, lambda: stream.xgroup_setid(KEY, "others", "650-0")):
        act("trim", {"minid": "690-0", "safe": True, "approximate": False})
    assert first(stream) == 651


def test_an_abandoned_group_that_needs_everything_leaves_nothing_to_remove(stream: redis.Redis) -> None:
    stream.xgroup_create(KEY, "abandoned", id="0")
    with pytest.raises(Changed, match="abandoned still needs the oldest entries"):
        planned("trim", {"maxlen": 10, "safe": True})


def test_without_groups_it_says_that_nobody_is_asked(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    assert notes({"maxlen": 2, "safe": True, "approximate": False})[0] == "The stream has no groups"
    act("trim", {"maxlen": 2, "safe": True, "approximate": False})
    assert redis_client.xlen(KEY) == 2


def test_more_groups_than_a_page_shows_are_asked_all_the_same(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    for number in range(60):
        redis_client.xgroup_create(KEY, f"g{number:02}", id="10-0")
    redis_client.xgroup_create(KEY, "zzz", id="3-0")
    act("trim", {"maxlen": 0, "safe": True, "approximate": False})
    assert first(redis_client) == 4


def test_an_entry_claimed_by_force_before_the_position_is_needed(stream: redis.Redis) -> None:
    stream.xclaim(KEY, GROUP, WORKER, 0, ["100-0"], force=True)
    act("trim", {"maxlen": 0, "safe": True, "approximate": False})
    assert first(stream) == 100


def test_unsafe_stays_as_it_was(stream: redis.Redis) -> None:
    assert act("trim", {"maxlen": 10, "approximate": False}).results == {"done": 990}


def test_safe_is_true_or_false(stream: redis.Redis) -> None:
    with pytest.raises(BadParameters):
        planned("trim", {"maxlen": 10, "safe": "yes"})


# without safety: what each group loses -------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [{"minid": "900-0"}, {"maxlen": 101}])
def test_what_is_lost_is_counted_where_the_server_has_lost_count(stream: redis.Redis, bound: dict[str, Any]) -> None:
    """The lag of a group that was put in mid-stream is unknown; its unread entries are there to be counted."""
    assert notes({**bound, "approximate": False})[:2] == [
        "others has not read 199 of them",
        f"1 of them pending in {plain(GROUP)}",
    ]


def test_what_lies_too_deep_to_be_counted_is_not_called_safe(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2_000)
    redis_client.xgroup_create(KEY, "others", id="700-0")
    assert notes({"maxlen": 1_000})[0] == "What others would lose is unknown"
