"""Delete: what was shown goes, nothing that came later, and no group loses more than the plan said."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.errors import NotAllowed
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.actions.context import ActionContext
from streams_admin.actions.reads.losses import losses
from streams_admin.actions.reads.snapshots import Found, Loss
from streams_admin.errors import BadParameters, Changed, NotConfirmed
from streams_admin.models import Plan
from streams_admin.operations.start import begin
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.streams_admin.acting import ADMIN, act, entries, lost_replies, pending, planned, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def stream(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """1-0 to 6-0; of GROUP the first three are pending, the last three unread."""
    fill(redis_client, 6)
    group(redis_client, read=3)
    return redis_client


def left(client: redis.Redis) -> list[int]:
    return [int(id_.split(b"-")[0]) for id_, _ in entries(client)]


def notes(params: dict[str, Any]) -> str:
    preview = planned("delete", params).preview
    return " | ".join(note["title"] for note in preview["notes"])


def test_named_entries_go_and_what_is_not_there_is_said(stream: redis.Redis) -> None:
    stream.xdel(KEY, "2-0")
    assert act("delete", {"ids": ["2-0", "4-0", "5-0"]}).results == {"done": 2, "not_found": 1}
    assert left(stream) == [1, 3, 6]


def test_a_range_has_both_its_ends(stream: redis.Redis) -> None:
    plan = planned("delete", {"filter": {"start": "2-0", "end": "4-0"}})
    assert (plan.preview["total"], plan.preview["least"]) == (3, False)
    assert run(plan).results == {"done": 3}
    assert left(stream) == [1, 5, 6]


def test_a_limit_takes_the_oldest(stream: redis.Redis) -> None:
    assert act("delete", {"filter": {"start": "2-0", "limit": 2}}).results == {"done": 2}
    assert left(stream) == [1, 4, 5, 6]


@pytest.mark.parametrize(
    ("which", "ids", "pending"),
    [({"limit": 2}, [1, 2], 2), ({"start": "3-0", "limit": 1}, [3], 1), ({"start": "4-0", "limit": 2}, [4, 5], 0)],
)
def test_the_plan_shows_no_more_than_a_limit(
    stream: redis.Redis, which: dict[str, Any], ids: list[int], pending: int
) -> None:
    """Its sample, its command and its losses were those of all entries."""
    preview = planned("delete", {"filter": which}).preview
    named = [f"{number}-0" for number in ids]
    assert preview["total"] == len(ids)
    assert [row["id"] for row in preview["sample"]] == named
    assert [line.split()[-len(ids) :] for line in preview["redis_cli"]] == [named]
    assert [n for what, n in preview["counts"].items() if what.startswith("pending")] == [pending]


def test_a_limit_takes_no_more_than_was_shown(stream: redis.Redis) -> None:
    plan = planned("delete", {"filter": {"limit": 2}})
    stream.xdel(KEY, "1-0")
    assert run(plan).results["done"] == 1
    assert left(stream) == [3, 4, 5, 6]


def test_what_a_limit_reaches_beyond_the_count_is_not_taken_for_nothing(
    stream: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams_admin.actions.entries.base.COUNT_UP_TO", 2)
    for which, total in (({"limit": 5}, 5), ({"start": "0-1", "limit": 5}, 2)):
        plan = planned("delete", {"filter": which})
        titles = [note["title"] for note in plan.preview["notes"]]
        assert titles[0].startswith("at least 2 of them pending in")
        assert titles[1].startswith("What ")
        assert plan.preview["total"] == total
        assert plan.preview["least"] is (total == 2)
    assert run(plan).results == {"done": 5}


def test_what_came_after_the_plan_stays(stream: redis.Redis) -> None:
    plan = planned("delete", {"filter": {}})
    stream.xadd(KEY, {"n": "7"}, id="7-0")
    assert run(plan).results == {"done": 6}
    assert left(stream) == [7]


def test_a_long_range_goes_batch_by_batch(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1_201)
    operation = act("delete", {"filter": {"start": "1-0", "end": "1200-0"}})
    assert (operation.results, left(redis_client)) == ({"done": 1_200}, [1201])


def test_it_has_to_be_typed(stream: redis.Redis) -> None:
    with pytest.raises(NotConfirmed):
        begin(ADMIN, planned("delete", {"ids": ["1-0"]}), confirm="yes")
    assert len(left(stream)) == 6


def test_the_plan_says_where_they_are_pending_and_unread(stream: redis.Redis) -> None:
    for params in ({"ids": ["2-0", "3-0", "4-0"]}, {"filter": {"start": "2-0", "end": "4-0"}}):
        assert notes(params).startswith("2 of them pending in bill")
        assert "has not read 1 of them" in notes(params)


def test_the_plan_says_when_nobody_loses_anything(stream: redis.Redis) -> None:
    stream.xack(KEY, GROUP, "1-0")
    assert notes({"ids": ["1-0"]}).startswith("No group loses anything")


def test_when_a_group_comes_to_need_them_meanwhile_nothing_is_done(stream: redis.Redis) -> None:
    stream.xack(KEY, GROUP, "1-0")
    plan = planned("delete", {"ids": ["1-0"]})
    stream.xgroup_setid(KEY, GROUP, "0")
    with pytest.raises(Changed, match="lose more"):
        run(plan)
    stream.xgroup_setid(KEY, GROUP, "6-0")
    plan = planned("delete", {"filter": {"end": "2-0"}})
    stream.xgroup_create(KEY, "new", id="0")
    with pytest.raises(Changed, match="new would lose more"):
        run(plan)
    assert len(left(stream)) == 6


def test_a_delivery_while_the_plan_is_made_is_not_taken_for_shown(
    stream: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the run compares with is what the page says."""

    def looked(ctx: ActionContext, found: Found) -> list[Loss]:
        lost = losses(ctx, found)
        stream.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=1)
        return lost

    with monkeypatch.context() as patched:
        patched.setattr("streams_admin.actions.entries.delete.losses", looked)
        plan = planned("delete", {"ids": ["4-0"]})
    assert {count for what, count in plan.preview["counts"].items() if what.startswith("pending")} == {0}
    with pytest.raises(Changed, match="lose more"):
        run(plan)


def test_a_pending_list_that_may_not_be_read_is_not_taken_for_empty(stream: redis.Redis, redis_url: str) -> None:
    stream.execute_command("ACL", "SETUSER", "narrow", "on", ">secret", "~*", "&*", "+@all", "-xpending")
    scheme, _, rest = redis_url.partition("://")
    links.configure([ServerConfig("default", f"{scheme}://narrow:secret@{rest}")])
    with pytest.raises(NotAllowed):
        planned("delete", {"ids": ["1-0"]})


@pytest.mark.parametrize("params", [{"ids": ["1-0"]}, {"ids": ["1-0", "2-0", "3-0"]}, {"filter": {"end": "3-0"}}])
def test_a_group_that_is_destroyed_meanwhile_loses_nothing(
    stream: redis.Redis, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    monkeypatch.setattr("streams_admin.actions.reads.losses.IDS", 2)

    def looked(ctx: ActionContext, found: Found) -> list[Loss]:
        stream.xgroup_destroy(KEY, GROUP)
        return losses(ctx, found)

    monkeypatch.setattr("streams_admin.actions.entries.delete.losses", looked)
    assert notes(params).startswith("No group loses anything")


def test_light_entries_are_counted_up_to_5000(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5_100)
    for slug, params in (("delete", {"filter": {"start": "2-0"}}), ("trim", {"minid": "5090-0"})):
        preview = planned(slug, params).preview
        assert (preview["total"], preview["least"]) == (5_000, True)


def test_a_stream_created_anew_is_another_one(stream: redis.Redis) -> None:
    plan = planned("delete", {"filter": {"start": "2-0", "end": "4-0"}})
    stream.delete(KEY)
    fill(stream, 2)
    with pytest.raises(Changed, match="recreated"):
        run(plan)


def test_keep_leaves_ghosts(stream: redis.Redis) -> None:
    act("delete", {"ids": ["1-0"]})
    assert b"1-0" in pending(stream)


def test_references_need_a_server_that_knows_them(server: Server, stream: redis.Redis) -> None:
    if server.capabilities().has("xdelex"):
        assert act("delete", {"ids": ["1-0"], "references": "delete"}).results == {"done": 1}
        assert b"1-0" not in pending(stream)
    else:
        with pytest.raises(BadParameters, match="needs Redis 8"):
            planned("delete", {"ids": ["1-0"], "references": "delete"})


def test_acked_keeps_what_a_group_needs(server: Server, stream: redis.Redis) -> None:
    stream.xack(KEY, GROUP, "1-0")
    if server.capabilities().has("xdelex"):
        results = act("delete", {"ids": ["1-0", "2-0", "6-0"], "references": "acked"}).results
        assert results == {"done": 1, "still_referenced": 2}
        preview = planned("delete", {"ids": ["2-0", "5-0", "6-0"], "references": "acked"}).preview
        assert preview["title"] == preview["button"] == "Delete up to 3 entries"
        assert preview["notes"][0]["text"].startswith("At least 3 of them stay")
        stream.xgroup_setid(KEY, GROUP, "6-0")
        free = planned("delete", {"ids": ["5-0", "6-0"], "references": "acked"}).preview
        assert (free["title"], free["notes"][0]["severity"]) == ("Delete 2 entries", "")
        assert left(stream) == [2, 3, 4, 5, 6]
    else:
        with pytest.raises(BadParameters, match="needs Redis 8"):
            planned("delete", {"ids": ["1-0"], "references": "acked"})


def test_a_lost_reply_is_found_out_by_reading(stream: redis.Redis) -> None:
    with lost_replies(lambda command: command[0] == "XDEL"):
        assert act("delete", {"ids": ["1-0", "2-0"]}).results == {"done": 2}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"ids": []},
        {"ids": ["x"]},
        {"ids": ["1-0"], "filter": {}},
        {"filter": {"consumer": "w"}},
        {"filter": {"min_idle_ms": 5}},
        {"ids": ["1-0"], "references": "all"},
    ],
)
def test_nonsense_is_refused(stream: redis.Redis, params: dict[str, Any]) -> None:
    with pytest.raises(BadParameters):
        planned("delete", params)


FORM = f"/s/default/{to_path(KEY)}/do/delete/"


@pytest.mark.parametrize(
    ("chosen", "total"),
    [
        ({}, "tick the whole stream"),
        ({"start": "2-0", "whole": "on"}, "Clear the checkbox"),
        ({"whole": "on"}, 6),
        ({"start": "2-0"}, 5),
        ({"end": "2-0"}, 2),
    ],
)
def test_a_form_deletes_the_whole_stream_only_where_it_says_so(
    stream: redis.Redis, admin: Client, chosen: dict[str, str], total: int | str
) -> None:
    """Two empty boxes used to plan all of it."""
    answer = admin.post(FORM, {"references": "keep", **chosen})
    if isinstance(total, str):
        assert answer.status_code == 400
        assert total in answer.content.decode()
        assert not Plan.objects.exists()
    else:
        assert Plan.objects.get().preview["total"] == total


def test_entries_that_are_named_need_no_bound(stream: redis.Redis, admin: Client) -> None:
    assert "whole stream" not in admin.get(FORM + "?id=1-0").content.decode()
    assert admin.post(FORM + "?id=1-0", {"references": "keep"}).status_code == 302


def test_an_entry_that_is_not_there_is_refused(stream: redis.Redis) -> None:
    with pytest.raises(Changed):
        planned("delete", {"ids": ["9-9"]})
