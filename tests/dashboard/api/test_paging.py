"""A list read page by page has every item once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from dashboard.api.paging import CURSOR, Place, part
from dashboard.api.streams import RANKS
from dashboard.config.masking import MaskRule
from dashboard.fleet.samplers import fleet
from dashboard.http.params import BadParameter
from dashboard.streams.links import Server
from dashboard.streams.queries.steps import PAGE_BYTES
from tests.conftest import Configure
from tests.dashboard.api.conftest import ORDERS, Seeded

Get = Callable[..., Any]
STREAMS = "/api/v1/servers/default/streams"


def place(name: str) -> Place:
    return (), name


def pages(get: Get, path: str, **query: Any) -> list[Any]:
    """All items, a page after the other."""
    items: list[Any] = []
    cursor = ""
    for _ in range(50):
        found = get(path, cursor=cursor, **query)
        assert found["complete"] is (found["next"] is None)
        items += found["items"]
        if found["next"] is None:
            return items
        cursor = found["next"]
    raise AssertionError("The list has no end.")


@pytest.fixture
def many(server: Server, redis_client: redis.Redis) -> list[str]:
    names = [f"s:{n:02}" for n in range(10)] + ["s", "s:"]
    for n, name in enumerate(names):
        for _ in range(n % 3 + 1):
            redis_client.xadd(name, {"n": n})
        if n % 2:
            redis_client.xgroup_create(name, "g", id="0")
            redis_client.xreadgroup("g", "c", {name: ">"}, count=n)
    return sorted(names)


@pytest.mark.parametrize("limit", [1, 5, 12, 500])
@pytest.mark.parametrize("sort", [sign + name for name in RANKS for sign in ("", "-")])
def test_streams_in_every_order(many: list[str], get: Get, sort: str, limit: int) -> None:
    found = pages(get, STREAMS, sort=sort, limit=limit)
    assert sorted(item["name"] for item in found) == many
    if sort.endswith("name"):
        assert [item["name"] for item in found] == (many if sort == "name" else many[::-1])


def test_what_is_not_known_comes_last_either_way(many: list[str], get: Get) -> None:
    for sort in ("oldest_pending_ms", "-oldest_pending_ms"):
        ages = [item["oldest_pending_ms"] for item in pages(get, STREAMS, sort=sort, limit=5)]
        known = [age for age in ages if age is not None]
        assert ages == [*known, *[None] * (len(ages) - len(known))]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert 0 < len(known) < len(ages)


def test_a_stream_that_came_meanwhile_moves_nothing(
    many: list[str], get: Get, server: Server, redis_client: redis.Redis
) -> None:
    first = get(STREAMS, limit=5)
    redis_client.xadd("a-first", {"n": 1})
    fleet().sample(server)
    rest = get(STREAMS, limit=500, cursor=first["next"])
    assert [item["name"] for item in first["items"] + rest["items"]] == many


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_entries(seeded: Seeded, get: Get, order: str) -> None:
    found = [item["id"] for item in pages(get, f"{ORDERS}/entries", order=order, limit=2)]
    assert found == list(seeded.ids if order == "asc" else seeded.ids[::-1])
    within = pages(get, f"{ORDERS}/entries", order=order, limit=1, start=seeded.ids[1], end=seeded.ids[3])
    assert sorted(item["id"] for item in within) == list(seeded.ids[1:4])


def test_a_filter_that_looked_at_enough_says_so_and_goes_on(
    seeded: Seeded, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.streams.queries.entries.LOOK_MAX", 2)
    first = get(f"{ORDERS}/entries", where="order = 4")
    assert (first["items"], first["scanned"], first["complete"]) == ([], 2, False)
    assert first["stopped"].startswith("Scanned 2 entries")
    found = pages(get, f"{ORDERS}/entries", where="order = 4")
    assert [item["id"] for item in found] == [seeded.ids[4]]


@pytest.mark.parametrize("looks", [5, 500])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pending_entries_by_payload_are_found_whatever_a_page_looks_into(
    server: Server, get: Get, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, limit: int, looks: int
) -> None:
    monkeypatch.setattr("dashboard.streams.queries.groups.LOOK_BODIES", looks)
    ids = [str(redis_client.xadd("held", {"n": n}), "ascii") for n in range(40)]
    redis_client.xgroup_create("held", "g", id="0")
    redis_client.xreadgroup("g", "c", {"held": ">"})
    path = f"{STREAMS}/held/groups/g/pending"
    wanted = [id_ for n, id_ in enumerate(ids) if "3" in str(n)]
    assert [item["id"] for item in pages(get, path, where="n contains 3", limit=limit)] == wanted
    first = get(path, where="n contains 3", limit=100)
    assert (first["scanned"], first["complete"]) == ((5, False) if looks == 5 else (40, True))
    assert first["stopped"] == ("Scanned 5 pending entries from here, 1 match." if looks == 5 else "")


def test_large_entries_make_short_pages(server: Server, get: Get, redis_client: redis.Redis) -> None:
    for _ in range(10):
        redis_client.xadd("large", {"body": b"x" * (PAGE_BYTES // 4)})
    first = get(f"{STREAMS}/large/entries")
    assert (len(first["items"]), first["stopped"]) == (4, "The page ends early: it is already 4.2 MB.")
    assert len(pages(get, f"{STREAMS}/large/entries")) == 10


def test_a_page_that_ends_early_does_not_tell_the_length_of_what_is_masked(
    server: Server, get: Get, redis_client: redis.Redis, configure: Configure
) -> None:
    configure(mask_rules=(MaskRule("large", ("body",)),))
    for _ in range(10):
        redis_client.xadd("large", {"body": b"x" * (PAGE_BYTES // 4)})
    redis_client.xgroup_create("large", "g", id="0")
    redis_client.xreadgroup("g", "w", {"large": ">"})
    large = "The page ends early: its entries are large."
    for path in ("entries", "groups/g/pending"):
        first = get(f"{STREAMS}/large/{path}")
        assert first["items"]
        assert first["stopped"] in (large, ""), path
    assert get(f"{STREAMS}/large/entries")["stopped"] == large


def test_pending_and_consumers(seeded: Seeded, get: Get) -> None:
    group = f"{ORDERS}/groups/workers"
    assert [item["id"] for item in pages(get, f"{group}/pending", limit=1)] == list(seeded.ids[:2])
    names = [item["name"] for item in pages(get, f"{group}/consumers", limit=1)]
    assert names == ["alice", "bob", "carol"]


def test_findings(seeded: Seeded, get: Get, configure: Configure) -> None:
    configure(poison_deliveries=1)
    whole = get("/api/v1/findings")["items"]
    assert pages(get, "/api/v1/findings", limit=1) == whole
    assert len(whole) == 2


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA", "W10", "W1sibiJdLCAicyJd", "W1tdLCA1XQ", "~", "\udc80", "é", "A" * 3999]
)
def test_a_cursor_that_no_answer_gave(many: list[str], viewer: Client, cursor: str) -> None:
    with pytest.raises(BadParameter, match="cursor"):
        part([], place, cursor=cursor, limit=1)
    if cursor.isascii():
        answer = viewer.get(STREAMS, {"cursor": cursor})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("sort", list(RANKS))
def test_a_cursor_is_what_the_description_says(many: list[str], get: Get, sort: str) -> None:
    assert re.fullmatch(CURSOR.strip("^$"), get(STREAMS, sort=sort, limit=1)["next"])


@given(st.from_regex(CURSOR.removesuffix("$"), fullmatch=True))
def test_every_cursor_of_that_form_is_taken(cursor: str) -> None:
    found, onward = part([(1.0, "a"), (2.0, "b")], lambda item: ((item[0],), item[1]), cursor=cursor, limit=5)
    assert onward is None
    assert len(found) <= 2
