"""Consumers on a real server: none is removed while it holds something, whatever happens between look and act."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.accounts.access import Forbidden
from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin import plans, writes
from streams_admin.audit.log import Caller
from streams_admin.errors import BadParameters, Changed
from streams_admin.models import AuditEntry
from streams_admin.operations import start
from streams_admin.params.kinds import IDS_MOST
from tests.dashboard.streams.seeding import GROUP, KEY, OTHER, WORKER, fill, group, neglect
from tests.html_page import Page
from tests.people import id_of
from tests.streams_admin.acting import ADMIN, act, before_sending, lost_replies, pending, planned, run, without_scripts

pytestmark = pytest.mark.django_db(transaction=True)
G, W = to_path(GROUP), to_path(WORKER)
DELETE: dict[str, Any] = {"group": G, "consumer": W}


def names(client: redis.Redis) -> set[bytes]:
    return {consumer["name"] for consumer in client.xinfo_consumers(KEY, GROUP)}


def is_delete(command: tuple[Any, ...]) -> bool:
    return command[:2] == ("XGROUP", "DELCONSUMER") or (command[0] == "EVAL" and "DELCONSUMER" in str(command[1]))


def test_a_consumer_is_created_once(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    group(redis_client, read=0)
    first, second = (planned("consumer_create", DELETE) for _ in range(2))
    assert run(first).results == {"done": 1}
    assert names(redis_client) == {WORKER}
    with pytest.raises(Changed, match="already"):
        run(second)
    with pytest.raises(Changed, match="already"):
        planned("consumer_create", DELETE)


def test_a_consumer_that_came_at_the_last_moment_is_said(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    group(redis_client, read=0)
    plan = planned("consumer_create", DELETE)
    with before_sending(
        lambda c: "CREATECONSUMER" in c, lambda: redis_client.xgroup_createconsumer(KEY, GROUP, WORKER)
    ):
        done = run(plan)
    assert done.state == "failed"
    assert "already" in done.error


@pytest.mark.parametrize(
    ("slug", "params"),
    [
        ("consumer_create", {"group": G}),
        ("consumer_create", {"consumer": W}),
        ("consumer_create", {"group": G, "consumer": ""}),
        ("consumer_delete", {"group": G}),
        ("consumer_delete", {"group": G, "consumer": "a b"}),
        ("consumer_delete", {"group": G, "consumer": W, "to": W}),
    ],
)
def test_nonsense_is_refused(server: Server, redis_client: redis.Redis, slug: str, params: dict[str, Any]) -> None:
    fill(redis_client, 1)
    group(redis_client, read=0)
    with pytest.raises(BadParameters):
        planned(slug, params)


@pytest.mark.parametrize("slug", ["consumer_create", "consumer_delete"])
def test_without_the_group_it_is_refused(server: Server, redis_client: redis.Redis, slug: str) -> None:
    fill(redis_client, 1)
    with pytest.raises(Changed, match="no group"):
        planned(slug, DELETE)


def test_an_empty_handed_consumer_is_removed(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    group(redis_client, read=1)
    redis_client.xack(KEY, GROUP, "1-0")
    plan = planned("consumer_delete", DELETE)
    assert plan.preview["notes"][0]["title"].endswith("is reading")
    done = run(plan)
    assert (done.state, done.results, names(redis_client)) == ("done", {"done": 1}, set())
    with pytest.raises(Changed, match="no consumer"):
        planned("consumer_delete", DELETE)


def test_a_consumer_that_holds_something_is_not(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=2)
    with pytest.raises(Changed, match="holds 2 pending entries"):
        planned("consumer_delete", DELETE)
    assert len(pending(redis_client)) == 2


def test_its_entries_are_claimed_first(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=3)
    redis_client.xreadgroup(GROUP, OTHER, {KEY: ">"}, count=1)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    assert (plan.preview["total"], plan.preview["counts"]["entries"]) == (4, 3)
    done = run(plan)
    assert (done.state, done.results) == ("done", {"done": 4})
    assert names(redis_client) == {OTHER, b"heir"}
    owners = {id_: who for id_, (who, _, _) in pending(redis_client).items()}
    assert owners == {b"1-0": b"heir", b"2-0": b"heir", b"3-0": b"heir", b"4-0": OTHER}
    assert AuditEntry.objects.latest("pk").outcome == "done"


def test_the_consumer_is_no_entry_of_the_sample(server: Server, redis_client: redis.Redis, admin: Client) -> None:
    fill(redis_client, 10)
    group(redis_client, read=10)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    assert Page(admin.get(f"/plans/{plans.token(plan)}/").content.decode()).beside("Sample") == "5 of 10"


def test_a_big_pending_list_goes_in_batches(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1201)
    group(redis_client, read=1201)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    operation = start.begin(ADMIN, plan)
    assert (operation.state, operation.done) == ("queued", 500)
    assert WORKER in names(redis_client)
    done = run(plan)
    assert (done.state, done.results, names(redis_client)) == ("done", {"done": 1202}, {b"heir"})
    assert {who for who, _, _ in pending(redis_client).values()} == {b"heir"}
    assert len(pending(redis_client)) == 1201


def test_a_big_pending_list_adds_up_to_its_total(server: Server, redis_client: redis.Redis) -> None:
    """Of a long list the plan names no entries: what was acknowledged meanwhile shows only at its end."""
    held = IDS_MOST + 201
    fill(redis_client, held)
    group(redis_client, read=held)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    redis_client.xack(KEY, GROUP, "1-0", "700-0", f"{held}-0")
    done = run(plan)
    assert (done.state, done.results) == ("done", {"done": held - 3 + 1, "not_found": 3})
    assert sum(done.results.values()) == plan.preview["total"]


def test_what_it_is_given_at_the_last_moment_keeps_it(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=1)
    redis_client.xack(KEY, GROUP, "1-0")
    plan = planned("consumer_delete", DELETE)
    with before_sending(is_delete, lambda: redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"})):
        done = run(plan)
    assert (done.state, done.results) == ("failed", {})
    assert "was not deleted" in done.error
    assert pending(redis_client).keys() == {b"2-0"}
    assert AuditEntry.objects.latest("pk").outcome == "failed"


def test_a_consumer_at_work_is_noticed_before(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=1)
    redis_client.xack(KEY, GROUP, "1-0")
    plan = planned("consumer_delete", DELETE)
    redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"})
    with pytest.raises(Changed, match="it is working"):
        run(plan)


def test_what_it_reads_after_the_plan_is_not_taken_from_it(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    group(redis_client, read=2)
    for id_ in ("1-0", "2-0"):
        neglect(redis_client, id_, idle_ms=60_000)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"})
    done = run(plan)
    assert (done.state, done.results) == ("failed", {"done": 2})
    assert {id_: who for id_, (who, _, _) in pending(redis_client).items()} == {
        b"1-0": b"heir",
        b"2-0": b"heir",
        b"3-0": WORKER,
    }
    assert AuditEntry.objects.latest("pk").outcome == "partly_done"


def test_ghosts_do_not_keep_it(server: Server, redis_client: redis.Redis) -> None:
    """Trimmed while pending: 7.0 and later drop them when they are claimed, older servers hand them over."""
    fill(redis_client, 3)
    group(redis_client, read=3)
    redis_client.xdel(KEY, "2-0")
    done = act("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    assert done.state == "done"
    assert names(redis_client) == {b"heir"}
    assert {who for who, _, _ in pending(redis_client).values()} == {b"heir"}


def test_a_target_that_vanished_gets_nothing(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=2)
    redis_client.xgroup_createconsumer(KEY, GROUP, OTHER)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(OTHER)})
    redis_client.xgroup_delconsumer(KEY, GROUP, OTHER)
    with pytest.raises(Changed, match="no longer exists"):
        run(plan)


def test_what_was_acknowledged_meanwhile_does_not_stop_it(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=2)
    plan = planned("consumer_delete", {**DELETE, "to": to_path(b"heir")})
    redis_client.xack(KEY, GROUP, "1-0", "2-0")
    done = run(plan)
    assert (done.state, names(redis_client)) == ("done", set())
    assert done.results == {"done": 1, "already_acknowledged": 2}


@pytest.mark.parametrize("to", ["", to_path(b"heir")])
def test_a_lost_reply_is_looked_up(server: Server, redis_client: redis.Redis, to: str) -> None:
    fill(redis_client, 2)
    group(redis_client, read=2 if to else 0)
    if not to:
        redis_client.xgroup_createconsumer(KEY, GROUP, WORKER)
    with lost_replies(is_delete):
        done = act("consumer_delete", {**DELETE, "to": to})
    assert (done.state, done.results) == ("done", {"done": 3 if to else 1})


def test_without_scripts_it_looks_right_before(server: Server, redis_client: redis.Redis, redis_url: str) -> None:
    fill(redis_client, 2)
    group(redis_client, read=1)
    plain = without_scripts(redis_client, redis_url)
    assert writes.consumer_delete(plain, KEY, GROUP, WORKER) == -1
    redis_client.xack(KEY, GROUP, "1-0")
    plan = planned("consumer_delete", DELETE)
    assert (run(plan).results, names(redis_client)) == ({"done": 1}, set())


def test_without_scripts_what_is_lost_is_counted(server: Server, redis_client: redis.Redis, redis_url: str) -> None:
    fill(redis_client, 2)
    group(redis_client, read=0)
    redis_client.xgroup_createconsumer(KEY, GROUP, WORKER)
    without_scripts(redis_client, redis_url)
    plan = planned("consumer_delete", DELETE)
    with before_sending(
        lambda c: c[:2] == ("XGROUP", "DELCONSUMER"), lambda: redis_client.xreadgroup(GROUP, WORKER, {KEY: ">"})
    ):
        done = run(plan)
    assert done.results == {"done": 1, "failed": 2}
    assert AuditEntry.objects.latest("pk").outcome == "partly_done"


def test_only_an_admin_removes_consumers(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    group(redis_client, read=1)
    olga = Caller(Principal("olga", id_of("olga"), (Grant("operator"),)), "page")
    with pytest.raises(Forbidden):
        planned("consumer_delete", {**DELETE, "to": to_path(b"heir")}, caller=olga)
    assert AuditEntry.objects.latest("pk").outcome == "denied"
