"""Poison that workers retry between look and run: left alone by default, and done where that was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.actions import gate
from streams_admin.actions.registry import ALL
from streams_admin.errors import BadParameters, Changed
from streams_admin.models import Plan
from streams_admin.params.base import parse
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group, neglect
from tests.streams_admin.acting import (
    ADMIN,
    act,
    before_sending,
    entries,
    lost_replies,
    of_group,
    pending,
    planned,
    run,
    without_scripts,
)

pytestmark = pytest.mark.django_db
DLQ = KEY + b":dlq"
BOTH = pytest.mark.parametrize("slug", ["ack", "dead_letter"])
POISON = ["2-0", "3-0"]


@pytest.fixture(params=["scripts", "plain commands"])
def poisoned(request: pytest.FixtureRequest, server: Server, redis_client: redis.Redis, redis_url: str) -> redis.Redis:
    """Four pending entries; 2-0 and 3-0 were delivered seven times. With scripts and where they are refused."""
    fill(redis_client, 4)
    group(redis_client, read=4)
    for id_ in POISON:
        neglect(redis_client, id_, idle_ms=1_500, deliveries=7)
    if request.param == "plain commands":
        without_scripts(redis_client, redis_url)
    return redis_client


def retry(client: redis.Redis, *ids: str, by: bytes = b"fast") -> None:
    """What a worker does with an entry that nobody finishes: the delivery counts."""
    client.xclaim(KEY, GROUP, by, 0, list(ids or POISON))


def moved(client: redis.Redis) -> list[dict[bytes, bytes]]:
    return [dict(fields) for _, fields in entries(client, DLQ)]


@BOTH
def test_what_is_retried_is_left_alone_by_default(poisoned: redis.Redis, slug: str) -> None:
    plan = planned(slug, of_group(*POISON))
    retry(poisoned)
    with pytest.raises(Changed, match="None of the entries are unchanged"):
        run(plan)
    assert len(pending(poisoned)) == 4


@BOTH
def test_what_is_retried_is_done_where_that_was_asked_for(poisoned: redis.Redis, slug: str) -> None:
    plan = planned(slug, of_group(*POISON, retried=True))
    retry(poisoned)
    assert run(plan).results == {"done": 2}
    assert sorted(pending(poisoned)) == [b"1-0", b"4-0"]
    if slug == "dead_letter":
        told = [(copy[b"origin_consumer"], copy[b"deliveries"]) for copy in moved(poisoned)]
        assert told == [(b"fast", b"8")] * 2, "as they are when they are moved"


@BOTH
def test_also_what_is_retried_between_look_and_act(server: Server, redis_client: redis.Redis, slug: str) -> None:
    """Only a script sees that; plain commands do not look again."""
    fill(redis_client, 3)
    group(redis_client, read=3)
    with before_sending(lambda command: command[0] == "EVAL", lambda: retry(redis_client, "1-0")):
        assert act(slug, of_group("1-0", "2-0")).results == {"done": 1, "owner_changed": 1}
    with before_sending(lambda command: command[0] == "EVAL", lambda: retry(redis_client, "1-0")):
        assert act(slug, of_group("1-0", "3-0", retried=True)).results == {"done": 2}
    assert pending(redis_client) == {}


@BOTH
def test_what_was_finished_meanwhile_is_left_alone(poisoned: redis.Redis, slug: str) -> None:
    plan = planned(slug, of_group(*POISON, retried=True))
    poisoned.xack(KEY, GROUP, "2-0")
    assert run(plan).entries == [["2-0", "already_acknowledged"], ["3-0", "done"]]
    assert len(moved(poisoned)) == (slug == "dead_letter")


@BOTH
def test_what_was_delivered_less_often_than_seen_is_another_delivery(poisoned: redis.Redis, slug: str) -> None:
    """Acknowledged, and delivered anew because the group was set back."""
    plan = planned(slug, of_group(*POISON, retried=True))
    poisoned.xack(KEY, GROUP, "2-0")
    poisoned.xgroup_setid(KEY, GROUP, "1-0")
    poisoned.xreadgroup(GROUP, b"fast", {KEY: ">"}, count=1)
    assert run(plan).entries == [["2-0", "owner_changed"], ["3-0", "done"]]
    assert pending(poisoned)[b"2-0"][0] == b"fast"


def test_without_scripts_what_is_finished_at_the_last_moment_gets_no_copy(
    server: Server, redis_client: redis.Redis, redis_url: str
) -> None:
    fill(redis_client, 2)
    group(redis_client, read=2)
    without_scripts(redis_client, redis_url)
    plan = planned("dead_letter", of_group("1-0", "2-0", retried=True))
    with before_sending(lambda command: command[0] == "XCLAIM", lambda: redis_client.xack(KEY, GROUP, "1-0")):
        assert run(plan).entries == [["1-0", "already_acknowledged"], ["2-0", "done"]]
    assert [copy[b"origin_id"] for copy in moved(redis_client)] == [b"2-0"]


def test_without_scripts_what_was_taken_up_since_it_was_read_is_not_acknowledged(
    server: Server, redis_client: redis.Redis, redis_url: str
) -> None:
    fill(redis_client, 3)
    group(redis_client, read=3)
    without_scripts(redis_client, redis_url)
    plan = planned("ack", of_group("1-0", "2-0", "3-0"))

    def meanwhile() -> None:
        redis_client.xclaim(KEY, GROUP, b"fast", 0, ["1-0"], justid=True)
        redis_client.xack(KEY, GROUP, "2-0")

    with before_sending(lambda command: command[0] == "EVAL", meanwhile):
        assert run(plan).entries == [["1-0", "owner_changed"], ["2-0", "already_acknowledged"], ["3-0", "done"]]
    assert list(pending(redis_client)) == [b"1-0"]


@BOTH
def test_a_lost_reply_is_found_out(poisoned: redis.Redis, slug: str) -> None:
    plan = planned(slug, of_group(*POISON, retried=True))
    retry(poisoned)
    plainly = links.get("default").config.admin_url
    acting = ({"ack": "XACK", "dead_letter": "EXEC"}[slug]) if plainly else "EVAL"
    with lost_replies(lambda command: command[0] == acting):
        results = run(plan).results
    assert results == ({"done": 1, "failed": 1} if acting == "EXEC" else {"done": 2}), (
        "one by one, the next is not sent"
    )
    assert len(moved(poisoned)) == (results["done"] if slug == "dead_letter" else 0)


@BOTH
def test_what_was_not_done_and_is_retried_since_is_done_again(poisoned: redis.Redis, slug: str) -> None:
    plan = planned(slug, of_group(*POISON, retried=True))
    ctx = replace(gate.context_of(plan, ADMIN.principal), operation="a number")
    action = ALL[slug]
    batch = action.batch(ctx, gate.seen_of(plan), None)
    retry(poisoned)
    assert set(action.reconcile(ctx, gate.seen_of(plan), batch.work).counts) == {"failed"}
    strict = replace(ctx, params=parse(action.model, of_group(*POISON)))
    assert set(action.reconcile(strict, gate.seen_of(plan), batch.work).counts) == {"owner_changed"}


@BOTH
def test_it_needs_entries_that_the_plan_names(server: Server, redis_client: redis.Redis, slug: str) -> None:
    fill(redis_client, 1001)
    group(redis_client, read=1001)
    with pytest.raises(BadParameters, match="at most 1,000"):
        planned(slug, of_group(retried=True))
    redis_client.xack(KEY, GROUP, "7-0")
    assert planned(slug, of_group(retried=True)).preview["total"] == 1000


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_nonsense_is_refused(poisoned: redis.Redis, value: Any) -> None:
    with pytest.raises(BadParameters, match="retried"):
        planned("ack", of_group("1-0", retried=value))


def test_others_do_not_take_it(poisoned: redis.Redis) -> None:
    for slug in ("ghosts", "release", "claim"):
        with pytest.raises(BadParameters, match="retried"):
            planned(slug, of_group("1-0", retried=True, **({"to": "x"} if slug == "claim" else {})), caller=API)


API = replace(ADMIN, via="api")


def titles(plan: Plan) -> dict[str, str]:
    return {note["title"]: note["severity"] for note in plan.preview["notes"]}


@BOTH
def test_a_plan_says_that_it_is_likely_to_be_refused_and_how_it_is_not(
    poisoned: redis.Redis, operator: Client, slug: str
) -> None:
    url = f"/s/default/{to_path(KEY)}/do/{slug}/?group={to_path(GROUP)}&all=1&min_deliveries=5"
    assert "Also if redelivered in the meantime" in operator.get(url).content.decode()
    page = operator.get(operator.post(url)["Location"]).content.decode()
    assert "This plan will probably be refused: workers keep retrying" in page
    assert "2 entries were delivered 5 times or more" in page
    assert "Back to the form" in page
    retried = operator.get(operator.post(url, {"retried": "on"})["Location"]).content.decode()
    assert "likely to be refused" not in retried
    assert "keeps working on it" in retried
    assert Plan.objects.order_by("created").last().params["retried"] is True  # type: ignore[union-attr]


def test_of_what_rests_nothing_is_feared(poisoned: redis.Redis) -> None:
    neglect(poisoned, "2-0", idle_ms=600_000, deliveries=7)
    assert not any("refused" in title for title in titles(planned("ack", of_group("1-0", "2-0"))))
    assert any("refused" in title for title in titles(planned("ack", of_group("3-0"))))
