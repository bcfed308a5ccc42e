"""What the answers say, compared with what is in the server."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.accounts.permissions import ROLES, Permission
from dashboard.api.shapes import exact
from dashboard.config.masking import MaskRule
from dashboard.display.rows import JSON_BYTES
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from tests.conftest import Configure
from tests.dashboard.api.conftest import ANY_BYTES, ANY_PATH, ORDERS, Seeded
from tests.streams_admin.acting import counts_reads

Get = Callable[..., Any]
ANY_VALUE = {"base64": base64.b64encode(ANY_BYTES).decode()}
ANY_STREAM = f"/api/v1/servers/default/streams/{ANY_PATH}"


def test_servers(seeded: Seeded, get: Get, server: Server) -> None:
    (item,) = get("/api/v1/servers")["items"]
    info = server.capabilities().info
    assert item == {
        "name": "default",
        "title": "default",
        "environment": "development",
        "topology": "standalone",
        "flavour": info.flavour,
        "version": info.version_text,
        "status": "up",
        "read_only": False,
    }


def test_streams(seeded: Seeded, get: Get) -> None:
    found = get("/api/v1/servers/default/streams")
    assert found["complete"] is True
    assert [item["path"] for item in found["items"]] == [ANY_PATH, "orders:new"]
    item = found["items"][1]
    assert 0 <= item.pop("oldest_pending_ms") < 60_000
    assert item.pop("lag") == 2 or item.pop("lag_reason")
    assert item == {
        "name": "orders:new",
        "path": "orders:new",
        "length": 5,
        "groups": 1,
        "pending": 2,
        "last_id": seeded.ids[-1],
        "in_rate": None,
        "in_rate_reason": item["in_rate_reason"],
        "health": "ok",
    }
    assert item["in_rate_reason"]
    assert found["items"][0]["name"] == ANY_VALUE


@pytest.mark.parametrize(
    ("search", "found"),
    [("ORDERS", ["orders:new"]), ("orders:*", ["orders:new"]), ("new*", []), ("*:new", ["orders:new"]), ("[", [])],
)
def test_streams_are_searched_by_part_or_pattern(seeded: Seeded, get: Get, search: str, found: list[str]) -> None:
    items = get("/api/v1/servers/default/streams", search=search)["items"]
    assert [item["path"] for item in items] == found


def test_one_stream(seeded: Seeded, get: Get) -> None:
    found = get(ORDERS)
    assert (found["first_id"], found["last_id"]) == (seeded.ids[0], seeded.ids[-1])
    assert found["last_generated_id"] == seeded.ids[-1]
    assert found["memory_bytes"] > 0
    assert found["entries_added"] == 5 or found["entries_added_reason"]
    assert (found["length"], found["pending"], found["groups"]) == (5, 2, 1)


def test_the_highest_deleted_id_is_null_before_anything_was_deleted(
    seeded: Seeded, get: Get, redis_client: redis.Redis, server: Server
) -> None:
    assert get(ORDERS)["max_deleted_id"] is None
    redis_client.xdel(b"orders:new", seeded.ids[1])
    assert get(ORDERS)["max_deleted_id"] == (seeded.ids[1] if counts_reads(server) else None)


def test_a_number_that_json_parsers_would_round_travels_as_digits(
    seeded: Seeded, get: Get, redis_client: redis.Redis
) -> None:
    redis_client.xclaim(b"orders:new", b"workers", b"alice", 0, [seeded.ids[0]], retrycount=2**53 + 1, justid=True)
    (first, *_) = get(f"{ORDERS}/groups/workers/pending")["items"]
    assert first["deliveries"] == "9007199254740993"
    assert get(f"{ORDERS}/entries/{seeded.ids[0]}")["groups"][0]["deliveries"] == "9007199254740993"
    assert (exact(2**53 - 1), exact(-(2**53)), exact(0.5)) == (2**53 - 1, "-9007199254740992", 0.5)


def test_a_stream_that_was_emptied(seeded: Seeded, get: Get, redis_client: redis.Redis) -> None:
    redis_client.xtrim(b"orders:new", maxlen=0)
    found = get(ORDERS)
    assert (found["length"], found["first_id"], found["last_id"]) == (0, None, None)
    assert found["last_generated_id"] == seeded.ids[-1]


def test_numbers_that_are_not_known_say_why(seeded: Seeded, get: Get, redis_client: redis.Redis) -> None:
    """A group set in mid-stream after a deletion: no server knows its lag."""
    redis_client.xdel(b"orders:new", seeded.ids[3])
    redis_client.xgroup_create(b"orders:new", b"lost", id=seeded.ids[1])
    found = get(f"{ORDERS}/groups/lost")
    assert found["lag"] is None
    assert found["lag_reason"]
    assert found["oldest_pending_ms"] is None
    assert found["oldest_pending_ms_reason"] == "Nothing is pending."


def test_entries_in_both_orders(seeded: Seeded, get: Get) -> None:
    up, down = get(f"{ORDERS}/entries"), get(f"{ORDERS}/entries", order="desc")
    assert [item["id"] for item in up["items"]] == list(seeded.ids)
    assert [item["id"] for item in down["items"]] == list(reversed(seeded.ids))
    assert up["items"][0]["fields"] == [["order", "0"], ["state", "new"]]
    assert up["items"][0]["size"] == len("order0statenew")
    assert up["items"][0]["time"] == _time(seeded.ids[0])
    assert (up["complete"], up["next"], up["scanned"], up["stopped"]) == (True, None, 5, "")


def test_entries_between(seeded: Seeded, get: Get) -> None:
    found = get(f"{ORDERS}/entries", start=seeded.ids[1], end=seeded.ids[3])
    assert [item["id"] for item in found["items"]] == list(seeded.ids[1:4])
    assert get(f"{ORDERS}/entries", start="-1h")["scanned"] == 5
    assert get(f"{ORDERS}/entries", end="-1h")["items"] == []


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        *[("order = 3", [3]), ("order != 3", [0, 1, 2, 4]), ("state ~ NE", [0, 1, 2, 3, 4]), ("nothing = 3", [])],
        *[("order > 1 and not order = 3", [2, 4]), ("order = 0 or (order > 3 and has state)", [0, 4])],
    ],
)
def test_entries_where(seeded: Seeded, get: Get, where: str, numbers: list[int]) -> None:
    found = get(f"{ORDERS}/entries", where=where)
    assert [item["id"] for item in found["items"]] == [seeded.ids[number] for number in numbers]
    assert found["scanned"] == 5


def test_a_filter_by_id_or_time_bounds_what_is_read(seeded: Seeded, get: Get) -> None:
    for where, scanned in ((f"id > {seeded.ids[2]}", 2), (f"id = {seeded.ids[2]} or id = {seeded.ids[3]}", 2)):
        for order in ("asc", "desc"):
            assert get(f"{ORDERS}/entries", where=where, order=order)["scanned"] == scanned
    assert get(f"{ORDERS}/entries", where="time >= -1h and order = 3")["scanned"] == 5
    assert get(f"{ORDERS}/entries", where="time < -1h")["scanned"] == 0


def test_a_filter_by_time_needs_ids_that_are_times(seeded: Seeded, viewer: Client, redis_client: redis.Redis) -> None:
    redis_client.xadd("counted", {"n": 1}, id="7-1")
    answer = viewer.get("/api/v1/servers/default/streams/counted/entries", {"where": "n = 1 and time > -1h"})
    assert answer.status_code == 400
    assert "IDs of counted are not times (7-1)" in answer.json()["detail"]
    found = viewer.get("/api/v1/servers/default/streams/counted/entries", {"where": "id >= 7"})
    assert [item["id"] for item in found.json()["items"]] == ["7-1"]


def test_a_wrong_filter_says_between_which_characters(seeded: Seeded, viewer: Client) -> None:
    answer = viewer.get(f"{ORDERS}/entries", {"where": "order = 3 and state"}).json()
    assert (answer["start"], answer["end"]) == (14, 19)
    assert answer["detail"].startswith("where, character 15: 'state' is not a valid condition")
    assert "start" not in viewer.get(f"{ORDERS}/entries", {"start": "soon"}).json()


def test_any_bytes_round_trip(seeded: Seeded, get: Get) -> None:
    (entry,) = get(f"{ANY_STREAM}/entries")["items"]
    assert entry["fields"] == [["plain", "text"], [{"base64": "//4="}, {"base64": "AIA="}]]
    (group,) = get(f"{ANY_STREAM}/groups")["items"]
    assert (group["name"], group["path"]) == (ANY_VALUE, ANY_PATH)
    (consumer,) = get(f"{ANY_STREAM}/groups/{group['path']}/consumers")["items"]
    assert (consumer["name"], consumer["path"], consumer["pending"]) == (ANY_VALUE, ANY_PATH, 1)
    (pending,) = get(f"{ANY_STREAM}/groups/{group['path']}/pending", consumer=consumer["path"])["items"]
    assert (pending["id"], pending["consumer"]) == (entry["id"], ANY_VALUE)
    assert get(f"{ANY_STREAM}/entries/{entry['id']}")["groups"][0]["group"] == ANY_VALUE


def test_repeated_fields_and_large_values(seeded: Seeded, get: Get, redis_client: redis.Redis) -> None:
    large, noise = b"x" * (JSON_BYTES + 1), b"\xff" * (JSON_BYTES + 1)
    redis_client.execute_command("XADD", "large", "5-1", "a", "1", "a", "2", "text", large, "noise", noise)
    found = get("/api/v1/servers/default/streams/large/entries/5-1")
    assert found["fields"][:2] == [["a", "1"], ["a", "2"]]
    assert found["fields"][2][1] == {"text": "x" * JSON_BYTES, "bytes": JSON_BYTES + 1}
    cut = base64.b64encode(noise[:JSON_BYTES]).decode()
    assert found["fields"][3][1] == {"base64": cut, "bytes": JSON_BYTES + 1}
    assert found["time"] is None, "5-1 is no time"


def test_where_an_entry_is(seeded: Seeded, get: Get) -> None:
    states = [get(f"{ORDERS}/entries/{id_}")["groups"][0] for id_ in seeded.ids]
    assert [found["state"] for found in states] == ["pending", "pending", "settled", "undelivered", "undelivered"]
    assert (states[0]["consumer"], states[0]["deliveries"]) == ("alice", 1)
    assert 0 <= states[0]["idle_ms"] < 60_000
    assert (states[2]["consumer"], states[2]["idle_ms"], states[2]["deliveries"]) == (None, None, None)
    assert states[2]["idle_ms_reason"]
    assert states[2]["deliveries_reason"]


def test_an_entry_whose_body_is_gone(seeded: Seeded, get: Get, redis_client: redis.Redis) -> None:
    redis_client.xdel(b"orders:new", seeded.ids[0])
    found = get(f"{ORDERS}/entries/{seeded.ids[0]}")
    assert (found["body"], found["fields"], found["size"]) == ("gone", None, None)
    assert found["groups"][0]["state"] == "pending"
    (first, second) = get(f"{ORDERS}/groups/workers/pending")["items"]
    assert (first["body"], first["fields"]) == ("gone", None)
    assert (second["body"], second["fields"][0]) == ("present", ["order", "1"])


def test_groups(seeded: Seeded, get: Get) -> None:
    found = get(f"{ORDERS}/groups")
    (item,) = found["items"]
    assert (item["name"], item["path"], item["consumers"], item["pending"]) == ("workers", "workers", 3, 2)
    assert item["last_delivered_id"] == seeded.ids[2]
    assert (item["health"], found["complete"]) == ("ok", True)
    one = get(f"{ORDERS}/groups/workers")
    assert (one["pending_min_id"], one["pending_max_id"]) == (seeded.ids[0], seeded.ids[1])
    assert {key: one[key] for key in ("name", "pending", "consumers")} == {
        key: item[key] for key in ("name", "pending", "consumers")
    }


def test_consumers(seeded: Seeded, get: Get) -> None:
    items = get(f"{ORDERS}/groups/workers/consumers")["items"]
    assert [(item["name"], item["pending"]) for item in items] == [("alice", 1), ("bob", 1), ("carol", 0)]
    assert [item["state"] for item in items[:2]] == ["working", "working"]
    assert all(item["inactive_ms"] is not None or item["inactive_ms_reason"] for item in items)


def test_pending_filters(seeded: Seeded, get: Get) -> None:
    path = f"{ORDERS}/groups/workers/pending"
    assert [item["id"] for item in get(path)["items"]] == list(seeded.ids[:2])
    assert [item["consumer"] for item in get(path, consumer="bob")["items"]] == ["bob"]
    assert get(path, consumer="nobody")["items"] == []
    assert get(path, min_deliveries=2)["items"] == []
    idle = get(path, min_idle_ms=3_600_000)
    assert (idle["items"], idle["scanned"], idle["complete"]) == ([], 2, True)


def held_since(client: redis.Redis, key: bytes, *ids: str) -> str:
    """The address of a group in which entries with these IDs are pending."""
    for id_ in ids:
        client.xadd(key, {b"n": id_.encode()}, id=id_)
    client.xgroup_create(key, b"g", id="0")
    client.xreadgroup(b"g", b"c", {key: b">"})
    return f"/api/v1/servers/default/streams/{key.decode()}/groups/g/pending"


def test_pending_entries_by_their_age(get: Get, server: Server, redis_client: redis.Redis) -> None:
    """How long ago they were added, whenever they were delivered."""
    seconds, microseconds = redis_client.time()
    now = seconds * 1000 + microseconds // 1000
    ids = [f"{now - minutes * 60_000}-0" for minutes in (90, 30, 10)]
    path = held_since(redis_client, b"aged", *ids)
    for minutes, found in ((100, 0), (60, 1), (20, 2), (5, 3), (0, 3)):
        answer = get(path, min_age_ms=minutes * 60_000)
        assert [item["id"] for item in answer["items"]] == ids[:found], minutes
        assert (answer["next"], answer["complete"]) == (None, True)
    assert [item["id"] for item in get(path, min_age_ms=1_200_000, where=f"n = {ids[1]}")["items"]] == ids[1:2]
    first = get(path, min_age_ms=1_200_000, limit=1)
    assert [item["id"] for item in get(path, min_age_ms=1_200_000, cursor=first["next"])["items"]] == ids[1:2]
    assert get(path, min_age_ms=10**15)["items"] == []


def test_an_age_is_refused_where_ids_are_no_times(viewer: Client, server: Server, redis_client: redis.Redis) -> None:
    now = int(redis_client.time()[0])
    path = held_since(redis_client, b"by-second", f"{now - 600}-0", f"{now}-0")
    refused = viewer.get(path, {"min_age_ms": 300_000})
    assert refused.status_code == 400
    detail = refused.json()["detail"]
    assert detail.startswith("min_age_ms: IDs of by-second count seconds, not milliseconds (")
    instead = re.search(r"where=(id <= [0-9]+) is that age\.$", detail)
    assert instead
    assert [item["id"] for item in viewer.get(path, {"where": instead[1]}).json()["items"]] == [f"{now - 600}-0"]
    odd = viewer.get(held_since(redis_client, b"counted", "1-0", "2-0"), {"min_age_ms": 1})
    assert (odd.status_code, odd.json()["detail"]) == (
        400,
        "min_age_ms: IDs of counted are not times (1-0), so the age of its entries is unknown.",
    )


def test_pending_entries_by_their_payload(seeded: Seeded, get: Get, redis_client: redis.Redis) -> None:
    path = f"{ORDERS}/groups/workers/pending"
    for where, numbers in (("order = 1", [1]), ("not order = 1", [0]), ("order >= 0", [0, 1]), ("has nothing", [])):
        found = get(path, where=where)
        assert [item["id"] for item in found["items"]] == [seeded.ids[number] for number in numbers]
        assert (found["scanned"], found["complete"]) == (2, True)
    assert [item["order"] for item in (dict(one["fields"]) for one in get(path, where="order = 1")["items"])] == ["1"]
    assert get(path, where="order >= 0", consumer="bob")["items"][0]["id"] == seeded.ids[1]
    assert get(path, where=f"id > {seeded.ids[0]}")["scanned"] == 1
    redis_client.xdel(b"orders:new", seeded.ids[0])
    for where in ("order != 7", "not has nothing", "not order = 7"):
        assert [item["id"] for item in get(path, where=where)["items"]] == [seeded.ids[1]], "no body matches nothing"


def test_findings(seeded: Seeded, get: Get, configure: Configure) -> None:
    configure(poison_deliveries=1)
    found = get("/api/v1/findings", server="default")
    assert [item["kind"] for item in found["items"]] == ["poison", "poison"]
    item = next(item for item in found["items"] if item["stream_path"] == "orders:new")
    assert (item["severity"], item["server"], item["stream"], item["group"]) == (
        "stuck",
        "default",
        "orders:new",
        "workers",
    )
    assert item["evidence"]["deliveries"] == 1
    assert item["message"]
    assert item["since"].endswith("Z")


def test_findings_of_some_streams_of_a_kind_or_a_severity(seeded: Seeded, get: Get, configure: Configure) -> None:
    configure(poison_deliveries=1)

    def paths(**query: str) -> list[str]:
        return sorted(item["stream_path"] for item in get("/api/v1/findings", **query)["items"])

    both = sorted(("orders:new", ANY_PATH))
    assert paths() == paths(kind="poison") == paths(severity="stuck") == paths(keys="*") == paths(kind="") == both
    assert paths(keys="orders:*") == paths(keys="orders:ne?", kind="poison") == ["orders:new"]
    assert paths(keys="orders") == paths(keys="ORDERS:*") == paths(kind="ghosts") == paths(severity="late") == []


def test_masked_fields_are_told_to_nobody(seeded: Seeded, get: Get, admin: Client, configure: Configure) -> None:
    configure(mask_rules=(MaskRule("orders:*", ("order",)),))
    masked = [["order", "••••••"], ["state", "new"]]
    assert get(f"{ORDERS}/entries")["items"][0]["fields"] == masked
    assert get(f"{ORDERS}/groups/workers/pending")["items"][0]["fields"] == masked
    assert get(f"{ORDERS}/entries")["items"][0]["size"] == len("order") + len("state") + len("new")
    assert get(f"{ORDERS}/entries/{seeded.ids[0]}")["size"] == len("order") + len("state") + len("new")
    for where in ("order = 3", "order != 3", "order ~ 3"):
        assert admin.get(f"{ORDERS}/entries", {"where": where}).json()["items"] == []
        assert admin.get(f"{ORDERS}/entries", {"where": f"not {where}"}).json()["items"] == []
        assert admin.get(f"{ORDERS}/groups/workers/pending", {"where": where}).json()["items"] == []


def test_who_may_not_read_payloads_gets_none(
    seeded: Seeded, get: Get, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "viewer", frozenset({Permission.SEE}))
    paths = [f"{ORDERS}/entries", f"{ORDERS}/groups/workers/pending"]
    for item in [get(path)["items"][0] for path in paths] + [get(f"{ORDERS}/entries/{seeded.ids[0]}")]:
        assert item["fields"] is None
        assert "read_payload" in item["fields_reason"]
    assert viewer.get(f"{ORDERS}/entries", {"where": "order = 3"}).status_code == 403
    assert viewer.get(f"{ORDERS}/groups/workers/pending", {"where": "order = 3"}).status_code == 403


def _time(id_: str) -> str:
    at = StreamId.parse(id_).time()
    assert at
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
