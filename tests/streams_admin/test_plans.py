"""Plans: bound to who asked, to what was seen, and to two minutes. Otherwise a clear 4xx, and nothing is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client
from django.utils import timezone

from dashboard.streams import links
from dashboard.streams.errors import Gone, NotAStream, UnknownServer
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.errors import ActionError, BadParameters, Changed, Expired, NoSuchPlan, NotConfirmed
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER
from tests.html_page import Page
from tests.people import number_of
from tests.streams_admin.acting import ADMIN, OPERATOR, of_group, pending, planned, run
from tests.streams_admin.recipes import HELPER, Claim

pytestmark = pytest.mark.django_db

TO_HELPER = {"to": to_path(HELPER)}
TRIM: dict[str, Any] = {"maxlen": 2, "approximate": False}


@pytest.fixture
def client(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Entries 1-0 to 6-0, four of them pending with WORKER for ten minutes, and HELPER, who holds nothing."""
    Claim().seed(redis_client)
    return redis_client


def nothing_was_done(client: redis.Redis) -> None:
    assert {who for who, _, _ in pending(client).values()} <= {WORKER}
    assert not Operation.objects.exists()


# The token ----------------------------------------------------------------------------------------------------------


def test_a_plan_is_found_by_its_token(client: redis.Redis) -> None:
    plan = planned("ack", of_group())
    assert plans.find(plans.token(plan), ADMIN.principal) == plan
    plan.refresh_from_db()
    assert plans.find(plans.token(plan), ADMIN.principal) == plan, "what comes back from the database has the same seal"


def test_the_oldest_unused_plans_of_a_person_make_room(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "UNUSED_MOST", 3)
    others = planned("ack", of_group(), caller=OPERATOR)
    ran = planned("ack", of_group("4-0"))
    run(ran)
    made = [planned("ack", of_group("1-0")) for _ in range(5)]
    left = set(Plan.objects.values_list("pk", flat=True))
    assert left == {others.pk, ran.pk, *(plan.pk for plan in made[2:])}
    with pytest.raises(NoSuchPlan, match="of one person the newest 3"):
        plans.find(plans.token(made[0]), ADMIN.principal)
    assert run(made[-1]).state == "done"


def test_large_plans_make_room_earlier_and_the_newest_always_stays(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = planned("ack", of_group("1-0")), planned("ack", of_group("2-0"))
    weight = sum(len(json.dumps(kept)) for kept in (first.params, first.seen, first.preview))
    monkeypatch.setattr(plans, "UNUSED_CHARS", weight * 3 // 2)
    third = planned("ack", of_group("3-0"))
    assert set(Plan.objects.values_list("pk", flat=True)) == {second.pk, third.pk}
    monkeypatch.setattr(plans, "UNUSED_CHARS", 1)
    last = planned("ack", of_group("4-0"))
    assert set(Plan.objects.values_list("pk", flat=True)) == {last.pk}
    assert first.pk not in {second.pk, third.pk, last.pk}


@pytest.mark.parametrize(
    "alter",
    [
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token.partition("_")[0],
        lambda token: token.partition("_")[0] + "_",
        lambda token: token.upper(),
        lambda token: "0" * 32 + token[32:],
        lambda token: "x" + token,
        lambda token: "",
        lambda token: "é_ü",
        lambda token: token + "\0",
    ],
)
def test_an_altered_token_finds_nothing(client: redis.Redis, alter: Callable[[str], str]) -> None:
    token = plans.token(planned("ack", of_group()))
    with pytest.raises(NoSuchPlan) as refused:
        plans.find(alter(token), ADMIN.principal)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"action": "trim"},
        {"server": "other"},
        {"stream": "other"},
        {"who": "olga"},
        {"params": {"group": to_path(GROUP), "filter": {}}},
        {"seen": {}},
        {"preview": {}},
        {"expires": timezone.now() + timedelta(days=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_plan_that_was_altered_in_the_database_finds_nothing(client: redis.Redis, change: dict[str, Any]) -> None:
    plan = planned("ack", of_group("1-0"))
    token = plans.token(plan)
    Plan.objects.filter(pk=plan.pk).update(**change)
    with pytest.raises(NoSuchPlan):
        plans.find(token, replace(ADMIN.principal, name=change.get("who", "anna")))


def test_the_plan_of_another_finds_nothing(client: redis.Redis) -> None:
    token = plans.token(planned("ack", of_group()))
    same_name = replace(ADMIN.principal, id=f"token:{number_of(ADMIN.principal.name)}")
    for principal in (OPERATOR.principal, same_name):
        with pytest.raises(NoSuchPlan, match="someone else") as refused:
            plans.find(token, principal)
        assert refused.value.status == 404


def test_over_http_too(client: redis.Redis, admin: Client, operator: Client) -> None:
    token = plans.token(planned("ack", of_group()))
    assert admin.get(f"/plans/{token}/").status_code == 200
    for client_, address in ((admin, token[:-1] + "x"), (operator, token), (admin, "0" * 65)):
        for answer in (client_.get(f"/plans/{address}/"), client_.post(f"/plans/{address}/")):
            assert answer.status_code == 404
            assert "Plan not found" in answer.content.decode()
    nothing_was_done(client)


# Time ---------------------------------------------------------------------------------------------------------------


def test_a_plan_lives_for_two_minutes(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, now = planned("ack", of_group()), timezone.now()
    assert timedelta(seconds=115) < plan.expires - now <= timedelta(minutes=2)
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(seconds=121))
    with pytest.raises(Expired, match="two minutes") as refused:
        run(plan)
    assert refused.value.status == 410
    nothing_was_done(client)


def test_one_that_ran_is_answered_also_when_it_has_expired(client: redis.Redis) -> None:
    plan = planned("ack", of_group())
    first = run(plan)
    Plan.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert run(Plan.objects.get()).pk == first.pk


def test_old_plans_that_were_not_used_are_forgotten(client: redis.Redis) -> None:
    used, unused = planned("ack", of_group("1-0")), planned("ack", of_group("2-0"))
    run(used)
    Plan.objects.update(created=timezone.now() - timedelta(days=2))
    latest = planned("ack", of_group("3-0"))
    assert set(Plan.objects.all()) == {used, latest}
    assert unused not in Plan.objects.all()


# What must be typed -------------------------------------------------------------------------------------------------


def test_what_cannot_be_undone_must_be_typed(client: redis.Redis) -> None:
    plan = planned("trim", TRIM)
    for typed in ("", "yes", plan.preview["confirm"][:-1]):
        with pytest.raises(NotConfirmed) as refused:
            start.begin(ADMIN, plan, confirm=typed)
        assert refused.value.status == 400
    nothing_was_done(client)
    assert client.xlen(KEY) == 6
    assert run(plan).state == "done", "a slip of the fingers does not use up the plan"


# The world changes --------------------------------------------------------------------------------------------------

Deed = Callable[[redis.Redis], object]


def _claimed(client: redis.Redis) -> None:
    client.xclaim(KEY, GROUP, b"x", 0, [b"1-0", b"2-0", b"3-0", b"4-0"], justid=True)


def _again(client: redis.Redis) -> None:
    client.xreadgroup(GROUP, WORKER, {KEY: "0"})


NAMED = of_group("1-0", "2-0", **TO_HELPER)
CHANGES: list[tuple[str, str, dict[str, Any], Deed, str]] = [
    ("stream gone", "ack", of_group(), lambda c: c.delete(KEY), "no longer exists"),
    ("group gone", "ack", of_group(), lambda c: c.xgroup_destroy(KEY, GROUP), "no longer exists"),
    ("group gone", "claim", NAMED, lambda c: c.xgroup_destroy(KEY, GROUP), "no longer exists"),
    ("all acked", "ack", of_group(), lambda c: c.xack(KEY, GROUP, *pending(c)), "Nothing is pending"),
    ("those acked", "ack", of_group("1-0"), lambda c: c.xack(KEY, GROUP, "1-0"), "None of the entries are unchanged"),
    ("claimed", "claim", NAMED, _claimed, "None of the entries are unchanged"),
    ("claimed", "claim", of_group(**TO_HELPER), _claimed, "None of the entries are unchanged"),
    ("delivered again", "ack", of_group("1-0", "2-0"), _again, "None of the entries are unchanged"),
    (
        "delivered again",
        "ack",
        {"group": to_path(GROUP), "filter": {"min_idle_ms": 1000}},
        _again,
        "None of the entries are unchanged",
    ),
    ("target gone", "claim", NAMED, lambda c: c.xgroup_delconsumer(KEY, GROUP, HELPER), "no longer exists"),
    ("trimmed", "trim", TRIM, lambda c: c.xtrim(KEY, maxlen=5, approximate=False), "trimmed"),
    ("group created", "trim", TRIM, lambda c: c.xgroup_create(KEY, b"new", "0"), "group was created"),
    ("stream gone", "trim", TRIM, lambda c: c.delete(KEY), "no longer exists"),
]


@pytest.mark.parametrize(
    ("what", "slug", "params", "deed", "words"), CHANGES, ids=[f"{slug}: {what}" for what, slug, *_ in CHANGES]
)
def test_a_changed_world_is_a_409_and_nothing_is_done(
    client: redis.Redis, what: str, slug: str, params: dict[str, Any], deed: Deed, words: str
) -> None:
    plan = planned(slug, params)
    deed(client)
    before = client.dump(KEY)
    with pytest.raises(Changed, match=words) as refused:
        run(plan, reason="late")
    assert refused.value.status == 409
    assert client.dump(KEY) == before
    assert not Operation.objects.exists()
    line = AuditEntry.objects.get()
    assert (line.outcome, line.reason, line.plan) == ("refused", "late", plan.pk)
    assert words in line.detail


def test_a_key_that_became_something_else_is_a_409(client: redis.Redis) -> None:
    plan = planned("ack", of_group())
    client.delete(KEY)
    client.set(KEY, b"text")
    with pytest.raises(NotAStream):
        run(plan)
    assert client.get(KEY) == b"text"
    assert AuditEntry.objects.get().outcome == "failed"


def test_a_stream_that_is_looked_at_no_more_is_denied(client: redis.Redis, redis_url: str, admin: Client) -> None:
    plan = planned("ack", of_group())
    links.configure([ServerConfig("default", redis_url, keys=("other:*",))])
    assert admin.post(f"/plans/{plans.token(plan)}/").status_code == 403
    nothing_was_done(client)


def test_a_server_that_is_not_configured_any_more_is_a_404(client: redis.Redis, admin: Client) -> None:
    plan = planned("ack", of_group())
    links.configure([])
    with pytest.raises(UnknownServer):
        run(plan)
    assert admin.get(f"/plans/{plans.token(plan)}/").status_code == 404


def test_a_target_that_never_was_may_be_made(client: redis.Redis) -> None:
    """Redis creates the consumer; the plan has said so."""
    plan = planned("claim", of_group("1-0", to="newcomer"))
    assert any("does not exist yet" in note["title"] for note in plan.preview["notes"])
    assert run(plan).results == {"done": 1}
    assert pending(client)[b"1-0"][0] == b"newcomer"


# What cannot be planned ---------------------------------------------------------------------------------------------


def test_an_unknown_action_is_a_400(client: redis.Redis) -> None:
    with pytest.raises(BadParameters, match="explode"):
        planned("explode", {})


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"group": "nobody", "filter": {}}, Gone),
        (of_group("5-0"), Changed),
        ({"group": to_path(GROUP), "filter": {"consumer": to_path(HELPER)}}, Changed),
        ({"group": to_path(GROUP), "filter": {"min_idle_ms": 10**12}}, Changed),
    ],
)
def test_what_matches_nothing_cannot_be_planned(
    client: redis.Redis, params: dict[str, Any], error: type[ActionError]
) -> None:
    with pytest.raises(error):
        planned("ack", params)
    assert not Plan.objects.exists()


def test_the_preview_says_what_it_could_not_count(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams_admin.actions.pending.look.COUNT_UP_TO", 2)
    monkeypatch.setattr("streams_admin.actions.pending.look.BATCH", 2)
    plan = planned("ack", {"group": to_path(GROUP), "filter": {"start": "1-0", "min_deliveries": 1}})
    assert (plan.preview["total"], plan.preview["least"]) == (2, True)
    assert "at least 2" in plan.preview["title"]


PRODUCTION = "Orders is in production"


@pytest.mark.parametrize(("slug", "params"), [("claim", NAMED), ("delete", {"ids": ["1-0"]}), ("trim", TRIM)])
def test_production_is_named_after_what_weighs_more(
    client: redis.Redis, redis_url: str, admin: Client, slug: str, params: dict[str, Any]
) -> None:
    assert not any("production" in note["title"] for note in planned(slug, params).preview["notes"])
    links.configure([ServerConfig("default", redis_url, title="Orders", environment="production")])
    plan = planned(slug, params)
    *others, last = [note["title"] for note in plan.preview["notes"]]
    assert last == PRODUCTION
    assert others
    page = Page(admin.get(f"/plans/{plans.token(plan)}/").content.decode())
    assert page.notes[-1].text.count(PRODUCTION) == 1


def test_a_limit_takes_the_oldest(client: redis.Redis) -> None:
    operation = run(planned("ack", {"group": to_path(GROUP), "filter": {"limit": 3}}))
    assert (operation.total, operation.results) == (3, {"done": 3})
    assert set(pending(client)) == {b"4-0"}
