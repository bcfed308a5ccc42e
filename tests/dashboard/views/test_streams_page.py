"""The list of a server's streams: what folds, in which order, and at what cost."""

from __future__ import annotations

import re

import pytest
import redis
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.fleet.snapshots import StreamState
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from dashboard.views.stream_list import CHILDREN, SORTS
from tests.html_page import Page

pytestmark = pytest.mark.django_db

LONG_AGO = "1700000000000-0"


def test_a_folded_prefix_is_judged_once_however_much_it_stands_for(
    server: Server, redis_client: redis.Redis, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word counts its members by its health: asked of all members for each of them, 600 streams took seconds."""
    asked = 0
    health = StreamState.health.func

    def counted(state: StreamState) -> object:
        nonlocal asked
        asked += 1
        return health(state)

    streams = 40
    for number in range(streams):
        redis_client.xadd(f"user:{number}", {"n": number}, id=LONG_AGO)
        redis_client.xgroup_create(f"user:{number}", "readers", "0")
    monkeypatch.setattr(StreamState, "health", property(counted))
    page = viewer.get("/s/default/").content.decode()
    assert "40 late" in page
    assert asked <= 10 * streams


@pytest.mark.parametrize(
    ("prefix", "search"),
    [
        (b"cart[1]:", "cart%5B1%5D%3A%2A"),
        ("größe\x01:".encode(), "gr%C3%B6%C3%9Fe%01%3A%2A"),
        (b"\xff:", None),
        (b"p" * 300 + b":", None),
    ],
    ids=["a bracket", "what is not printed", "no text", "longer than a search"],
)
def test_the_rest_of_an_open_prefix_is_found_or_is_no_link(
    server: Server, redis_client: redis.Redis, viewer: Client, prefix: bytes, search: str | None
) -> None:
    for number in range(CHILDREN + 3):
        redis_client.xadd(prefix + str(number).encode(), {"n": number})
    page = viewer.get(f"/s/default/?open={to_path(prefix)}").content.decode()
    assert "3 more<" in page
    assert re.findall(r'href="\?search=([^&]*)&amp;flat=1"', page) == ([search] if search else [])
    if search:
        found = viewer.get(f"/s/default/?search={search}&flat=1").content.decode()
        assert found.count("<tr>") == 1 + CHILDREN + 3


def test_the_page_says_how_full_the_server_is_and_what_it_refused(
    server: Server, redis_client: redis.Redis, viewer: Client
) -> None:
    redis_client.xadd("q", {"n": 1})
    redis_client.config_set("maxmemory-policy", "noeviction")
    redis_client.config_resetstat()
    page = Page(viewer.get("/s/default/").content.decode())
    assert page.fact("Memory").text.endswith("no limit")
    assert page.fact("Writes refused").text == "0 since it started"
    redis_client.config_set("maxmemory", "1")
    try:
        with pytest.raises(redis.ResponseError):
            redis_client.xadd("q", {"n": 2})
        fleet().sample(server)
        page = Page(viewer.get("/s/default/").content.decode())
    finally:
        redis_client.config_set("maxmemory", "0")
    assert page.fact("Memory").text.endswith("of 1 B")
    assert page.fact("When full").text == "noeviction"
    assert page.fact("Writes refused").text == "1 since it started"


def test_a_list_is_sorted_once_a_round_for_all_who_see_the_same(
    server: Server, redis_client: redis.Redis, viewer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def length(state: StreamState) -> int:
        nonlocal asked
        asked += 1
        return state.sample.facts.length

    monkeypatch.setitem(SORTS, "length", length)
    for number in range(5):
        for _ in range(number + 1):
            redis_client.xadd(f"q{number}", {"n": number})
    fleet().sample(server)
    monkeypatch.setattr(fleet(), "running", True)
    for query in ("", "&health=ok", "&flat=1", "&search=q", "&limit=100"):
        viewer.get(f"/s/default/?sort=-length{query}")
    assert asked == 5
    operator.get("/s/default/?sort=-length")
    assert asked == 10, "who has other grants may see others"
    for _ in range(9):
        redis_client.xadd("q0", {"n": 0})
    fleet().sample(server)
    page = viewer.get("/s/default/?sort=-length&flat=1").content.decode()
    assert asked == 15
    assert page.index("/s/default/q0/") < page.index("/s/default/q4/") < page.index("/s/default/q1/")
