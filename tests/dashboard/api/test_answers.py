"""Every answer is what the description says, on a server that has something of each kind, and of each role's view."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
import redis
from django.test import Client

from dashboard.api.shapes import EXACT
from dashboard.api.site import api
from dashboard.streams.links import Server
from tests.conftest import Configure
from tests.dashboard.api.conftest import ANY_PATH, Seeded
from tests.streams_admin.acting import counts_reads

pytestmark = pytest.mark.django_db
STREAMS = "/api/v1/servers/{server}/streams"
STREAM = f"{STREAMS}/{{stream}}"
HUGE = 2**63 - 1
Check = Callable[..., Any]


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return found


@pytest.fixture
def oddities(seeded: Seeded, server: Server, redis_client: redis.Redis, configure: Configure) -> Seeded:
    """Beside orders: a body that is gone, counts of 64 bits, IDs that are no times, a lost position, nothing at all."""
    configure(poison_deliveries=3, late_after=0, stuck_after=0)
    redis_client.xdel(b"orders:new", seeded.ids[0])
    redis_client.xgroup_create(b"orders:new", b"lost", id=f"{seeded.ids[1].partition('-')[0]}-99")
    redis_client.xadd(b"odd", {b"n": b"1"}, id="1-1")
    redis_client.xadd(b"odd", {b"n": b"2"}, id="1-2")
    redis_client.xgroup_create(b"odd", b"g", id="0")
    redis_client.xreadgroup(b"g", b"c", {b"odd": b">"}, count=1)
    redis_client.xclaim(b"odd", b"g", b"c", 0, ["1-1"], retrycount=HUGE)
    counted = ("ENTRIESADDED", HUGE, "MAXDELETEDID", "0-0") if counts_reads(server) else ()
    redis_client.execute_command("XSETID", b"odd", f"{2**64 - 1}-1", *counted)
    redis_client.xgroup_create(b"empty", b"g", id="0", mkstream=True)
    return seeded


@pytest.fixture
def check(description: dict[str, Any]) -> Check:
    """Sends a request; the answer has the schema of its status, and keeps the laws of numbers. What it is."""

    def send(client: Client, template: str, method: str = "get", *, query: Any = None, **names: str) -> Any:
        sent = json.dumps(query) if method == "post" else query
        extra = {"content_type": "application/json"} if method == "post" else {}
        answer = getattr(client, method)(template.format(**names), sent, **extra)
        responses = description["paths"][template.split("?")[0]][method]["responses"]
        assert str(answer.status_code) in responses, f"{method} {template}: {answer.status_code} is not described"
        content = responses[str(answer.status_code)]["content"]
        kind = answer["Content-Type"].partition(";")[0]
        schema = {**content[kind]["schema"], "components": description["components"]}
        found = answer.json()
        jsonschema_rs.validate(schema, found)
        faults = list(unsure(found, numbers(description, content[kind]["schema"])))
        assert faults == [], f"{method} {template}"
        return found

    return send


def numbers(description: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The names of fields in the answer that are a number or null."""
    found: set[str] = set()
    left, seen = [schema], set()
    while left:
        each = left.pop()
        if ref := each.get("$ref"):
            if ref not in seen:
                seen.add(ref)
                left.append(description["components"]["schemas"][ref.rpartition("/")[2]])
            continue
        for name, field in each.get("properties", {}).items():
            kinds = set(kinds_of(field))
            found |= {name} if "null" in kinds and kinds & {"integer", "number"} else set()
            left.append(field)
        left += [each["items"]] if "items" in each else []
        left += each.get("anyOf", ())
    return found - {"before", "after"}


def kinds_of(field: dict[str, Any]) -> Iterator[str]:
    if "type" in field:
        yield field["type"]
    for each in field.get("anyOf", ()):
        yield from kinds_of(each)


def unsure(found: object, names: set[str]) -> Iterator[str]:
    """A number that is null without a reason, or that a JSON parser could round; a reason for nothing."""
    if isinstance(found, dict):
        for name, value in found.items():
            if value == "" and name.endswith("_reason"):
                yield f"{name} is there and says nothing"
            if value is None and name in names and not found.get(f"{name}_reason"):
                yield f"{name} is null without a reason"
            yield from unsure(value, names)
    elif isinstance(found, list):
        for each in found:
            yield from unsure(each, names)
    elif isinstance(found, int) and abs(found) > EXACT:
        yield f"{found} is beyond 2^53"


PLACES = [("orders:new", "workers"), ("orders:new", "lost"), (ANY_PATH, ANY_PATH), ("odd", "g"), ("empty", "g")]


@pytest.mark.parametrize(("stream", "group"), PLACES)
def test_reads_of_a_stream_and_a_group(oddities: Seeded, check: Check, viewer: Client, stream: str, group: str) -> None:
    names = {"server": "default", "stream": stream, "group": group}
    check(viewer, STREAM, **names)
    check(viewer, f"{STREAM}/groups", **names)
    entries = check(viewer, f"{STREAM}/entries", **names)["items"]
    for where in ("", "/consumers", "/pending"):
        check(viewer, f"{STREAM}/groups/{{group}}{where}", **names)
    pending = check(viewer, f"{STREAM}/groups/{{group}}/pending", **names)["items"]
    for entry in {item["id"] for item in (*entries, *pending)}:
        check(viewer, f"{STREAM}/entries/{{entry}}", **names, entry=entry)


def test_reads_of_the_fleet(oddities: Seeded, check: Check, viewer: Client) -> None:
    check(viewer, "/api/v1/servers")
    check(viewer, "/api/v1/servers/{server}/about", server="default")
    check(viewer, STREAMS, server="default")
    kinds = {item["kind"] for item in check(viewer, "/api/v1/findings")["items"]}
    assert {"poison", "no_consumer"} <= kinds, "else this proves little"


def test_what_is_too_large_a_number_is_a_text(oddities: Seeded, check: Check, viewer: Client, server: Server) -> None:
    (item,) = check(viewer, f"{STREAM}/groups/{{group}}/pending", server="default", stream="odd", group="g")["items"]
    assert (item["deliveries"], item["deliveries_reason"]) == (None, "fatal: a consumer gave it up permanently.")
    if counts_reads(server):
        assert check(viewer, STREAM, server="default", stream="odd")["entries_added"] == str(HUGE)


@pytest.mark.parametrize(
    ("template", "names", "status"),
    [
        (STREAM, {"server": "nowhere", "stream": "odd"}, 404),
        (STREAM, {"server": "default", "stream": "orders:text"}, 409),
        (f"{STREAM}/entries?limit=0", {"server": "default", "stream": "odd"}, 400),
        (f"{STREAM}/entries?start=-2h", {"server": "default", "stream": "odd"}, 400),
        (f"{STREAM}/entries?colour=red", {"server": "default", "stream": "odd"}, 422),
        ("/api/v1/audit?cursor=x", {}, 400),
        ("/api/v1/operations/{id}", {"id": "00000000-0000-0000-0000-000000000000"}, 404),
    ],
)
def test_problems(
    oddities: Seeded, check: Check, admin: Client, template: str, names: dict[str, str], status: int
) -> None:
    assert check(admin, template, **names)["status"] == status


ORDERS: list[dict[str, Any]] = [
    {"stream": "orders:new", "action": "claim", "params": {"group": "workers", "filter": {}, "to": "dave"}},
    {"stream": "odd", "action": "dead_letter", "params": {"group": "g", "ids": ["1-1"], "to": "dead"}},
    {"stream": "orders:new", "action": "trim", "params": {"maxlen": 3, "approximate": False}},
    {"stream": "orders:new", "action": "group_set_position", "params": {"group": "lost", "position": "0"}},
    {"stream": "empty", "action": "stream_delete"},
]


@pytest.mark.parametrize("order", ORDERS, ids=[order["action"] for order in ORDERS])
def test_a_plan_its_operation_and_the_audit_log(
    oddities: Seeded, check: Check, admin: Client, server: Server, order: dict[str, Any]
) -> None:
    """The body of one of those that are to be claimed is gone: before 7.0 Redis claims it all the same."""
    plan = check(admin, "/api/v1/plans", "post", query={"server": "default", **order})
    run = {"confirm": plan["confirm"] or "", "reason": "because"}
    begun = check(admin, "/api/v1/plans/{plan}/run", "post", query=run, plan=plan["plan"])
    operation = check(admin, "/api/v1/operations/{id}", id=begun["operation"])
    wanted = "partly_done" if order["action"] == "claim" and counts_reads(server) else "done"
    assert operation["outcome"] == wanted
    lines = check(admin, "/api/v1/audit", query={"operation": begun["operation"]})["items"]
    assert {line["action"] for line in lines} == {order["action"]}
    assert check(admin, "/api/v1/plans/{plan}/run", "post", query=run, plan=plan["plan"]) is not None
    check(admin, "/api/v1/operations/{id}/{wish}", "post", id=begun["operation"], wish="pause")
