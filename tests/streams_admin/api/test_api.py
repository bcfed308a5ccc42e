"""Plan, run, follow and look up, as scripts do: by token, with values for names, and problems for what goes wrong."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from dashboard.accounts.permissions import ROLES, Permission
from dashboard.models import ApiToken
from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.actions.work import RESULTS
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.dashboard.api.conftest import with_token
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.people import person
from tests.streams_admin.acting import pending
from tests.streams_admin.dying import finish
from tests.streams_admin.recipes import HELPER, Claim

pytestmark = pytest.mark.django_db


def value(name: bytes) -> dict[str, str]:
    """A name in a body that is no UTF-8."""
    return {"base64": b64encode(name).decode()}


ACK = {"server": "default", "stream": value(KEY), "action": "ack", "params": {"group": value(GROUP), "filter": {}}}
CLAIM = {
    "server": "default",
    "stream": value(KEY),
    "action": "claim",
    "params": {"group": value(GROUP), "filter": {"consumer": value(WORKER)}, "to": value(HELPER)},
}
ADD = {**ACK, "action": "add", "params": {"fields": [["a", "1"]]}}
TRIM = {**ACK, "action": "trim", "params": {"maxlen": 2, "approximate": False}}


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Entries 1-0 to 6-0, four of them pending with WORKER for ten minutes, and HELPER, who holds nothing."""
    Claim().seed(redis_client)
    return redis_client


@pytest.fixture
def script(stuck: redis.Redis) -> Client:
    return with_token(role="operator")


def post(client: Client, path: str, body: Any = None, **headers: str) -> HttpResponse:
    sent = b"" if body is None else json.dumps(body)
    answer: HttpResponse = client.post(f"/api/v1{path}", data=sent, content_type="application/json", headers=headers)
    return answer


def made(client: Client, order: Any) -> Any:
    answer = post(client, "/plans", order)
    assert answer.status_code == 201, answer.content
    return json.loads(answer.content)


def done(client: Client, order: Any, body: Any = None, **headers: str) -> Any:
    """Planned and run; the operation."""
    answer = post(client, f"/plans/{made(client, order)['plan']}/run", body, **headers)
    assert answer.status_code == 202, answer.content
    return got(client, f"/operations/{json.loads(answer.content)['operation']}")


def got(client: Client, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def problem(answer: HttpResponse) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = json.loads(answer.content)
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, body["detail"]


# Plan, run, follow --------------------------------------------------------------------------------------------------


def test_a_plan_says_what_would_be_done(script: Client, stuck: redis.Redis) -> None:
    plan = made(script, CLAIM)
    assert (plan["total"], plan["at_least"], plan["confirm"]) == (4, False, None)
    assert plan["counts"] == {"entries": 4, "no_body": 0, "not_pending": 0}
    left = datetime.fromisoformat(plan["expires_at"]) - timezone.now()
    assert 110 < left.total_seconds() <= 120
    assert [item["id"] for item in plan["sample"]] == ["1-0", "2-0", "3-0", "4-0"]
    assert plan["sample"][0]["fields"] == [["n", "1"]]
    assert (plan["sample"][0]["consumer"], plan["sample"][0]["deliveries"]) == (value(WORKER), 3)
    assert plan["redis_cli"][0].startswith("XCLAIM ")
    assert all(set(each) == {"severity", "message", "detail"} for each in plan["warnings"])
    assert {each["severity"] for each in plan["warnings"]} <= {"late", "stuck"}
    assert {who for who, _, _ in pending(stuck).values()} == {WORKER}, "nothing happened yet"


def test_the_sample_of_a_plan_about_the_stream_says_nothing_of_consumers(script: Client, stuck: redis.Redis) -> None:
    """The entries are pending with somebody: they were not released."""
    plan = made(with_token(role="admin"), {**ACK, "action": "delete", "params": {"filter": {}}})
    item = plan["sample"][0]
    assert (item["consumer"], item["idle_ms"], item["deliveries"]) == (None, None, None)
    why = "The plan is about entries of the stream, not about a group's pending ones."
    assert (item["idle_ms_reason"], item["deliveries_reason"]) == (why, why)


def test_what_came_of_it(script: Client, stuck: redis.Redis) -> None:
    operation = done(script, CLAIM, {"reason": "crashed"})
    assert (operation["state"], operation["done"], operation["total"]) == ("done", 4, 4)
    assert operation["results"] == {**dict.fromkeys(RESULTS, 0), "done": 4}
    assert operation["entries"][0] == {"id": "1-0", "result": "done"}
    assert (operation["who"], operation["reason"], operation["error"]) == (
        "token secret of operator * ('*',)",
        "crashed",
        "",
    )
    assert (operation["stream"], operation["stream_path"]) == (value(KEY), to_path(KEY))
    assert operation["params"] == CLAIM["params"], "as it was asked for"
    assert operation["figures"][0] == {"label": "pending", "before": 4, "after": 4}
    assert operation["ended"] >= operation["created"]
    assert {who for who, _, _ in pending(stuck).values()} == {HELPER}


def test_a_session_may_too_with_its_csrf_token(stuck: redis.Redis) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person("olga", "operator"))
    status, detail = problem(post(browser, "/plans", ACK))
    assert (status, "X-CSRFToken" in detail, "Bearer" in detail) == (403, True, True)
    assert not Plan.objects.exists()
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("/").content.decode())[0]
    assert post(browser, "/plans", ACK, **{"X-CSRFToken": token}).status_code == 201


@pytest.mark.parametrize("path", ["/plans", "/plans/x/run", "/operations/4cba9a4f-eab6-4c1c-aa56-6bf854c2d063/cancel"])
def test_a_script_without_a_token_is_told_that_it_needs_one(server: Server, db: None, path: str) -> None:
    answer = post(Client(enforce_csrf_checks=True), path, ACK)
    status, detail = problem(answer)
    assert (status, "Authorization: Bearer" in detail, answer["WWW-Authenticate"]) == (401, True, "Bearer")


def test_names_that_are_text_are_strings(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd("orders:new", {"a": "1"}, id="1-0")
    redis_client.xgroup_create("orders:new", "übung/1", "0")
    redis_client.xreadgroup("übung/1", "a b", {"orders:new": ">"})
    params = {"group": "übung/1", "filter": {"consumer": "a b"}, "to": "~41"}
    operation = done(with_token(role="operator"), {**CLAIM, "stream": "orders:new", "params": params})
    assert (operation["stream"], operation["params"]) == ("orders:new", params)
    assert redis_client.xpending_range("orders:new", "übung/1", "-", "+", 1)[0]["consumer"] == b"~41"


def test_what_must_be_typed(stuck: redis.Redis) -> None:
    admin = with_token(role="admin")
    plan = made(admin, TRIM)
    path = f"/plans/{plan['plan']}/run"
    assert plan["confirm"]
    for body in (None, {}, {"confirm": "yes"}):
        status, detail = problem(post(admin, path, body))
        assert (status, plan["confirm"] in detail) == (400, True)
    assert stuck.xlen(KEY) == 6
    assert post(admin, path, {"confirm": plan["confirm"]}).status_code == 202
    assert stuck.xlen(KEY) == 2


def test_a_large_one_is_followed_and_steered(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1100)
    group(redis_client, read=1100)
    script = with_token(role="operator")
    operation = done(script, ACK)
    path = f"/operations/{operation['id']}"
    assert (operation["state"], operation["done"], operation["ended"]) == ("queued", 500, None)
    assert operation["figures"][0] == {"label": "pending", "before": 1100, "after": None}
    post(script, f"{path}/pause")
    start.work_once()
    assert got(script, path)["state"] == "paused"
    post(script, f"{path}/resume")
    assert got(script, path)["state"] == "queued"
    assert post(script, f"{path}/cancel").status_code == 200
    finish()
    assert got(script, path)["state"] == "cancelled"
    assert json.loads(post(script, f"{path}/cancel").content)["state"] == "cancelled", "asked again it says the same"
    assert problem(post(script, f"{path}/explode"))[0] == 400
    assert problem(script.get(f"/api/v1{path}/cancel"))[0] == 405


# Once ---------------------------------------------------------------------------------------------------------------


def test_the_same_key_is_for_one_plan(script: Client, stuck: redis.Redis) -> None:
    """Asked again for it, the answer is the same; for another plan it is a 409, and nothing is done."""
    night = {"Idempotency-Key": "night"}
    path = f"/plans/{made(script, {**ACK, 'params': {'group': value(GROUP), 'ids': ['1-0']}})['plan']}/run"
    first, again = (json.loads(post(script, path, **night).content) for _ in range(2))
    other = made(script, {**ACK, "params": {"group": value(GROUP), "ids": ["2-0"]}})["plan"]
    status, detail = problem(post(script, f"/plans/{other}/run", **night))
    assert (first["operation"] == again["operation"], status) == (True, 409)
    assert "Idempotency-Key was used for another plan" in detail
    assert sorted(pending(stuck)) == [b"2-0", b"3-0", b"4-0"]


def test_the_same_plan_gives_the_first_answer(script: Client, stuck: redis.Redis) -> None:
    path = f"/plans/{made(script, ACK)['plan']}/run"
    answers = [json.loads(post(script, path).content)["operation"] for _ in range(3)]
    assert len(set(answers)) == 1
    assert AuditEntry.objects.count() == 2


def test_a_key_is_not_endless(script: Client) -> None:
    path = f"/plans/{made(script, ACK)['plan']}/run"
    assert problem(post(script, path, **{"Idempotency-Key": "x" * 256}))[0] == 400


# What goes wrong ----------------------------------------------------------------------------------------------------


def changed(order: Any, **changes: Any) -> Any:
    return {**order, **changes}


PARAMS = ACK["params"]


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ({}, 400, "server: Field required"),
        ([], 400, "order"),
        ("x", 400, "order"),
        (changed(ACK, server="nowhere"), 404, "nowhere"),
        (changed(ACK, server=5), 400, "server"),
        (changed(ACK, stream=""), 400, "stream is"),
        (changed(ACK, stream=5), 400, "stream is"),
        (changed(ACK, stream="\ud800"), 400, "stream is"),
        (changed(ACK, stream={"base64": "%"}), 400, "stream is"),
        (changed(ACK, stream={"base64": 5}), 400, "stream is"),
        (changed(ACK, stream={"base64": "P6=="}), 400, "stream is"),
        (changed(ACK, stream={"base64": "Pw=="}), 404, "does not exist"),
        (changed(ADD, stream={"base64": "Pw=="}), 409, "Set mkstream to create it"),
        (changed(ADD, params={**ADD["params"], "id": "0-1"}), 409, "must be greater than"),
        (changed(ACK, stream={"text": "a", "bytes": 900}), 400, "stream is"),
        (changed(ACK, stream="not-there"), 404, "does not exist"),
        (changed(ACK, stream="text"), 409, "not a stream"),
        (changed(ACK, action="explode"), 400, "explode"),
        (changed(ACK, more=1), 400, "more"),
        (changed(ACK, params=[]), 400, "params"),
        (changed(ACK, params={}), 400, "group is missing"),
        (changed(ACK, params={**PARAMS, "group": "nobody"}), 404, "group"),
        (changed(ACK, params={**PARAMS, "group": ["a"]}), 400, "group is"),
        (changed(ACK, params={**PARAMS, "min_idle": 5}), 400, "min_idle"),
        (changed(ACK, params={**PARAMS, "to": "x"}), 400, "'to'"),
        (changed(ACK, params={**PARAMS, "filter": {"consumer": 5}}), 400, "filter.consumer is"),
        (changed(ACK, params={**PARAMS, "filter": {"idle": 5}}), 400, "idle"),
        (changed(ACK, params={**PARAMS, "filter": 5}), 400, "filter"),
        (changed(ACK, params={"group": value(GROUP), "ids": ["5-0"]}), 409, "No pending entries match"),
        (changed(ACK, params={"group": value(GROUP), "ids": ["x"]}), 400, "ids"),
        (changed(CLAIM, params={**PARAMS, "to": ""}), 400, "to is"),
        (TRIM, 403, "trim"),
    ],
)
def test_what_cannot_be_planned(script: Client, stuck: redis.Redis, order: Any, status: int, words: str) -> None:
    stuck.set("text", "x")
    found, detail = problem(post(script, "/plans", order))
    assert (found, words in detail) == (status, True), detail
    assert not Plan.objects.exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "go"),
        ({"reason": 5}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": "\ud800"}, "reason"),
        ({"confirm": ["x"]}, "confirm"),
        ({"force": True}, "force"),
    ],
)
def test_what_cannot_be_run(script: Client, stuck: redis.Redis, body: Any, words: str) -> None:
    status, detail = problem(post(script, f"/plans/{made(script, ACK)['plan']}/run", body))
    assert (status, words in detail) == (400, True)
    assert not Operation.objects.exists()


def test_a_body_that_is_no_json(script: Client) -> None:
    answer = script.post("/api/v1/plans", data="{", content_type="application/json")
    assert problem(answer)[0] == 400


def test_plans_that_are_altered_expired_or_of_another(script: Client, stuck: redis.Redis) -> None:
    token = made(script, ACK)["plan"]
    assert problem(post(script, f"/plans/{token[:-1]}x/run"))[0] == 404
    assert problem(post(script, "/plans/nonsense/run"))[0] == 404
    assert problem(post(with_token(role="admin"), f"/plans/{token}/run"))[0] == 404
    stuck.xack(KEY, GROUP, *pending(stuck))
    assert problem(post(script, f"/plans/{token}/run"))[0] == 409
    Plan.objects.update(expires=timezone.now())
    assert problem(post(script, f"/plans/{token}/run"))[0] == 404, "its time is sealed too"
    assert not Operation.objects.exists()


def test_an_expired_plan(script: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made(script, ACK)["plan"]
    later = timezone.now() + timedelta(seconds=121)
    monkeypatch.setattr("streams_admin.plans.timezone.now", lambda: later)
    assert problem(post(script, f"/plans/{token}/run"))[0] == 410


def test_a_server_that_is_down(script: Client) -> None:
    token = made(script, ACK)["plan"]
    links.configure([ServerConfig("default", "redis://127.0.0.1:1/0")])
    assert problem(post(script, "/plans", ACK))[0] == 503
    assert problem(post(script, f"/plans/{token}/run"))[0] == 503
    assert not Operation.objects.exists()


@pytest.mark.parametrize("path", ["/operations/4cba9a4f-eab6-4c1c-aa56-6bf854c2d063", "/operations/x"])
def test_operations_that_are_not_there(script: Client, path: str) -> None:
    assert problem(script.get(f"/api/v1{path}"))[0] == 404
    assert problem(post(script, f"{path}/cancel"))[0] == 404


# Who may ------------------------------------------------------------------------------------------------------------


def test_who_may_plan_run_and_look(stuck: redis.Redis, anonymous: Client, stranger: Client, viewer: Client) -> None:
    script = with_token(role="operator")
    token, operation = made(script, CLAIM)["plan"], done(script, CLAIM)["id"]
    reads = ("/audit", f"/operations/{operation}")
    for client, status in ((anonymous, 401), (stranger, 403), (viewer, 403), (with_token(), 403)):
        assert problem(post(client, "/plans", ACK))[0] == status
        assert problem(post(client, f"/operations/{operation}/cancel"))[0] == status
        assert {problem(client.get(f"/api/v1{path}"))[0] for path in reads} == {status}
    assert problem(post(viewer, f"/plans/{token}/run"))[0] == 404, "another's plan"
    assert set(AuditEntry.objects.filter(outcome="denied").values_list("who", flat=True)) >= {"vera"}


def test_a_narrowed_token_acts_and_looks_where_it_may(stuck: redis.Redis) -> None:
    stuck.xadd("orders:new", {"a": "1"})
    stuck.xgroup_create("orders:new", "g", "0")
    stuck.xreadgroup("g", "c", {"orders:new": ">"})
    everywhere, narrowed = with_token(role="operator"), with_token(role="operator", keys=("orders:*",))
    elsewhere = done(everywhere, ACK)["id"]
    mine = done(narrowed, {**ACK, "stream": "orders:new", "params": {"group": "g", "filter": {}}})["id"]
    assert problem(post(narrowed, "/plans", ACK))[0] == 403
    assert problem(narrowed.get(f"/api/v1/operations/{elsewhere}"))[0] == 403
    assert got(narrowed, f"/operations/{mine}")["state"] == "done"
    assert {item["stream"] for item in got(narrowed, "/audit")["items"]} == {"orders:new"}
    assert len(got(everywhere, "/audit")["items"]) == 5


def test_a_revoked_token_does_not_run_its_plan(script: Client, stuck: redis.Redis) -> None:
    token = made(script, ACK)["plan"]
    ApiToken.objects.update(revoked=timezone.now())
    assert problem(post(script, f"/plans/{token}/run"))[0] == 401
    assert len(pending(stuck)) == 4


def test_a_plan_shows_no_payload_to_who_may_not_read_it(stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROLES, "operator", ROLES["operator"] - {Permission.READ_PAYLOAD})
    sample = made(with_token(role="operator"), ACK)["sample"]
    assert {item["fields"] for item in sample} == {None}
    assert all("read_payload" in item["fields_reason"] for item in sample)


# The audit log ------------------------------------------------------------------------------------------------------


def test_the_log_tells_who_did_what(script: Client, stuck: redis.Redis) -> None:
    operation = done(script, CLAIM, {"reason": "crashed"})
    ended, began = got(script, "/audit")["items"]
    assert (began["outcome"], ended["outcome"]) == ("started", "done")
    assert began["span"] == ended["span"]
    assert began["number"] < ended["number"]
    assert (ended["who_kind"], ended["role"], ended["via"], ended["peer"]) == ("token", "operator", "api", "127.0.0.1")
    assert (ended["stream"], ended["stream_path"], ended["action"]) == (value(KEY), to_path(KEY), "claim")
    assert (ended["params"], ended["counts"]) == (CLAIM["params"], {"done": 4})
    assert (ended["operation"], ended["reason"], ended["title"]) == (operation["id"], "crashed", operation["title"])
    assert datetime.fromisoformat(ended["at"]) <= timezone.now()


@pytest.fixture
def busy(stuck: redis.Redis) -> Client:
    """Three acknowledgements, and a denied trim: seven lines."""
    script = with_token(role="operator")
    for number in (1, 2, 3):
        done(script, {**ACK, "params": {"group": value(GROUP), "ids": [f"{number}-0"]}})
    post(script, "/plans", TRIM)
    return script


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 7),
        ({"outcome": "done"}, 3),
        ({"outcome": "denied"}, 1),
        ({"action": "trim"}, 1),
        ({"action": "ack", "outcome": "started"}, 3),
        ({"who": "nobody"}, 0),
        ({"via": "page"}, 0),
        ({"server": "other"}, 0),
        ({"stream": to_path(KEY)}, 7),
        ({"stream": "other"}, 0),
        ({"operation": ""}, 7),
        ({"start": "-1h"}, 7),
        ({"start": "2100-01-01"}, 0),
        ({"end": "-1h"}, 0),
        ({"start": "-1h", "end": "2100-01-01T00:00:00Z", "outcome": "done"}, 3),
        ({"start": "18446744073709551615"}, 0),
    ],
)
def test_the_log_is_filtered(busy: Client, query: dict[str, str], count: int) -> None:
    found = got(busy, "/audit", **query)
    assert (len(found["items"]), found["complete"], found["next"]) == (count, True, None)


def test_the_lines_of_one_operation(busy: Client) -> None:
    operation = Operation.objects.order_by("created").first()
    assert operation
    found = got(busy, "/audit", operation=str(operation.pk))["items"]
    assert {item["operation"] for item in found} == {str(operation.pk)}
    assert len(found) == 2


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_the_log_is_read_part_by_part(busy: Client, limit: int) -> None:
    numbers, cursor = [], ""
    while cursor is not None:
        found = got(busy, "/audit", limit=limit, cursor=cursor)
        numbers += [item["number"] for item in found["items"]]
        assert len(found["items"]) <= limit
        assert found["complete"] == (found["next"] is None)
        cursor = found["next"]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 7


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "9" * 40},
        {"limit": "0"},
        {"limit": "501"},
        {"operation": "x"},
        {"who": "\0"},
        {"start": "soon"},
        {"end": "soon"},
    ],
)
def test_a_wrong_parameter_of_the_log_is_a_400(busy: Client, query: dict[str, str]) -> None:
    status, detail = problem(busy.get("/api/v1/audit", query))
    assert status == 400
    assert detail.startswith(next(iter(query)))


# Files --------------------------------------------------------------------------------------------------------------


def lines(client: Client, path: str, **query: str) -> list[Any]:
    """Of a JSON Lines file."""
    answer = client.get(path, query)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jsonl")
    assert answer["Content-Disposition"].startswith("attachment; ")
    return [json.loads(line) for line in b"".join(answer).splitlines()]


def test_a_token_gets_what_came_of_every_entry(script: Client, stuck: redis.Redis) -> None:
    operation = done(script, ACK)
    assert operation["results_file"] == f"/api/v1/operations/{operation['id']}/results.jsonl"
    *found, last = lines(script, operation["results_file"])
    assert (found, last["named"]) == (operation["entries"], 4)
    assert problem(with_token().get(operation["results_file"]))[0] == 403
    assert problem(Client().get(operation["results_file"]))[0] == 401


def test_a_token_gets_what_would_go(stuck: redis.Redis) -> None:
    admin = with_token(role="admin")
    plan = made(admin, TRIM)
    assert plan["entries_file"] == f"/api/v1/plans/{plan['plan']}/entries.jsonl"
    *found, last = lines(admin, plan["entries_file"])
    assert ([line["id"] for line in found], last["complete"]) == (["1-0", "2-0", "3-0", "4-0"], True)
    assert problem(with_token(role="operator").get(plan["entries_file"]))[0] == 404, "another's plan"
    assert post(admin, f"/plans/{plan['plan']}/run", {"confirm": plan["confirm"]}).status_code == 202
    assert problem(admin.get(plan["entries_file"]))[0] == 409


def test_no_file_is_named_where_nothing_goes_or_may_be_read(
    script: Client, stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = made(script, ACK)
    assert plan["entries_file"] is None
    assert problem(script.get(f"/api/v1/plans/{plan['plan']}/entries.jsonl"))[0] == 404
    monkeypatch.setitem(ROLES, "admin", ROLES["admin"] - {Permission.READ_PAYLOAD})
    admin = with_token(role="admin")
    plan = made(admin, TRIM)
    assert plan["entries_file"] is None
    assert problem(admin.get(f"/api/v1/plans/{plan['plan']}/entries.jsonl"))[0] == 403


def test_a_token_gets_the_log_as_a_file(busy: Client) -> None:
    assert lines(busy, "/api/v1/audit.jsonl") == got(busy, "/audit")["items"][::-1]
    filters = {"outcome": "done", "start": "-1h"}
    assert lines(busy, "/api/v1/audit.jsonl", **filters) == got(busy, "/audit", **filters)["items"][::-1]
    table = busy.get("/api/v1/audit.csv", {"outcome": "denied"})
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(table).decode().count("\r\n") == 2
    viewer = with_token()
    for ending in ("jsonl", "csv"):
        assert problem(viewer.get(f"/api/v1/audit.{ending}"))[0] == 403
        assert problem(busy.get(f"/api/v1/audit.{ending}", {"end": "soon"}))[0] == 400


def test_parameters_that_are_empty_are_not_given_and_unknown_ones_are_refused(busy: Client) -> None:
    everything = got(busy, "/audit")["items"]
    assert got(busy, "/audit?operation=&who=&start=&cursor=&limit=")["items"] == everything
    assert problem(busy.get("/api/v1/audit", {"operations": "1"}))[0] == 422
    assert problem(busy.get("/api/v1/audit.csv", {"limit": "1"}))[0] == 422
    before = AuditEntry.objects.count()
    assert problem(busy.post("/api/v1/plans?dry_run=1", CLAIM, content_type="application/json"))[0] == 422
    assert AuditEntry.objects.count() == before


# The description ----------------------------------------------------------------------------------------------------


def test_it_is_described(script: Client, operator: Client) -> None:
    paths = got(script, "/openapi.json")["paths"]
    run = paths["/api/v1/plans/{plan}/run"]["post"]
    assert {each["name"] for each in run["parameters"]} == {"plan", "Idempotency-Key"}
    assert "201" in paths["/api/v1/plans"]["post"]["responses"]
    assert {"/api/v1/operations/{id}", "/api/v1/operations/{id}/{wish}", "/api/v1/audit"} <= set(paths)
    assert "Idempotency-Key" in operator.get("/api/v1/docs").content.decode()
