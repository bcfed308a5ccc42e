"""Where entries were copied to is not told to who may see only where they came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import getsource
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse

from dashboard.accounts.directory import principal_for_user
from dashboard.models import AccessGrant
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from streams_admin import plans
from streams_admin.actions.reads.targets import COPYING
from streams_admin.actions.registry import ALL
from streams_admin.audit.log import Caller
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db

KEY, HIDDEN = b"orders:new", b"secret/dlq"
SPELLINGS = ("secret/dlq", "secret~2Fdlq", "secret%2Fdlq")
PENDING = {"group": "workers", "filter": {}}
ORDERS = {
    "dead_letter": {**PENDING},
    "dead_letter to": {**PENDING, "to": "secret~2Fdlq"},
    "replay": {"filter": {}, "to": "secret~2Fdlq"},
}


@pytest.fixture(autouse=True)
def world(redis_url: str, redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """Two entries, both pending."""
    links.configure([ServerConfig("default", redis_url, dead_letters=(("orders:*", HIDDEN.decode()),))])
    for n in range(2):
        redis_client.xadd(KEY, {"n": n})
    redis_client.xgroup_create(KEY, "workers", "0")
    redis_client.xreadgroup("workers", "wanda", {KEY: ">"})
    yield redis_client
    links.configure([])


@pytest.fixture
def nora(db: None) -> Client:
    """An operator of all that begins with orders:."""
    user = person("nora", None)
    AccessGrant.objects.create(user=user, role="operator", keys=["orders:*"])
    return signed_in(user)


@pytest.fixture
def anna(db: None) -> Client:
    return signed_in(person("anna", "admin"))


def done(order: str) -> Operation:
    caller = Caller(principal_for_user(person("anna", "admin")), "page")
    plan = plans.prepare(caller, links.get("default"), KEY, order.split()[0], ORDERS[order])
    return start.begin(caller, plan)


def all_that_is_told(client: Client, operation: Operation) -> dict[str, str]:
    """What stands on every page and in every answer about an operation."""
    number = {"kwargs": {"id": operation.pk}}
    paths = [reverse(name) for name in ("operations", "audit", "audit_jsonl", "audit_csv", "api:audit")]
    paths += [reverse(name, **number) for name in ("operation", "operation_results", "api:operation")]
    answers = {path: client.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: b"".join(answer).decode() for path, answer in answers.items()}


def naming(told: dict[str, str]) -> set[str]:
    return {path for path, text in told.items() if any(spelt in text for spelt in SPELLINGS)}


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse")
@pytest.mark.parametrize("order", ORDERS)
def test_the_target_stands_nowhere_for_who_may_not_see_it(order: str, nora: Client, anna: Client) -> None:
    operation = done(order)
    why = "secret/dlq does not mask card as orders:new does: the copies would be readable."
    Operation.objects.update(error=why)
    AuditEntry.objects.update(detail=why)
    assert len(naming(all_that_is_told(anna, operation))) == 6, "all but the list of operations and the results"
    told = all_that_is_told(nora, operation)
    assert naming(told) == set()
    assert "Copies them to a stream you may not see." in told[reverse("operation", args=[operation.pk])]
    item = json.loads(told[reverse("api:operation", args=[operation.pk])])
    assert (item["params"]["to"], item["params"]["to_reason"]) == (None, "It names a stream you may not see.")
    assert item["stream"] == "orders:new"


def test_what_names_no_other_stream_is_told(nora: Client) -> None:
    operation = done("dead_letter")
    Operation.objects.update(error="The server does not answer.")
    assert "The server does not answer." in nora.get(reverse("operation", args=[operation.pk])).text


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse")
def test_an_attempt_that_was_denied_tells_nothing_either(nora: Client, world: redis.Redis) -> None:
    before = world.dump(KEY)
    for order, params in ORDERS.items():
        given = {**params, **({"to": "secret/dlq"} if "to" in params else {})}
        body = {"server": "default", "stream": "orders:new", "action": order.split()[0], "params": given}
        answer = nora.post(reverse("api:make_plan"), json.dumps(body), content_type="application/json")
        assert answer.status_code == 403
        assert not naming({"": answer.text})
    assert [line.outcome for line in AuditEntry.objects.all()] == ["denied"] * 3
    for name in ("audit", "audit_jsonl", "audit_csv", "api:audit"):
        assert not naming({name: b"".join(nora.get(reverse(name))).decode()})  # type: ignore[arg-type]
    assert (world.dump(KEY), world.exists(HIDDEN)) == (before, 0)


def form(client: Client, data: dict[str, Any] | None = None) -> Any:
    path = reverse("do", args=["default", KEY, "dead_letter"]) + "?group=workers&all=1"
    return client.get(path) if data is None else client.post(path, data)


def test_the_form_does_not_tell_where_dead_letters_go(nora: Client, anna: Client) -> None:
    assert "empty: secret/dlq" in form(anna).text
    assert not naming({"": form(nora).text})
    refused = form(nora, {"to": ""})
    assert (refused.status_code, naming({"": refused.text})) == (400, set())
    assert form(nora, {"to": "orders:dead"}).status_code == 302


def test_a_plan_goes_where_it_said_whatever_is_configured_then(world: redis.Redis, redis_url: str) -> None:
    caller = Caller(principal_for_user(person("anna", "admin")), "page")
    plan = plans.prepare(caller, links.get("default"), KEY, "dead_letter", ORDERS["dead_letter"])
    links.configure([ServerConfig("default", redis_url)])
    start.begin(caller, Plan.objects.get(pk=plan.pk))
    assert (world.xlen(HIDDEN), world.exists(KEY + b":dlq")) == (2, 0)


def test_every_action_that_asks_for_another_stream_is_known_to_copy() -> None:
    assert {slug for slug, action in ALL.items() if "allow_target(" in getsource(type(action).authorise)} == COPYING
