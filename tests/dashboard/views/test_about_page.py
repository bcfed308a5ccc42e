"""The page of a server: what the last round knows of it, and the way there and back."""

from __future__ import annotations

import re

import pytest
import redis
from django.test import Client

from dashboard.display.format import size
from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from tests.conftest import Configure
from tests.html_page import Page

ABOUT = "/s/default/about/"


@pytest.fixture(autouse=True)
def each_time(configure: Configure) -> None:
    """Each page is of a round of its own."""
    configure(sample_every=0)


def text(client: Client, path: str = ABOUT) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return Page(answer.content.decode()).root.text


def test_it_says_what_the_server_says(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    redis_client.xadd("orders", {"n": 1})
    with pytest.raises(redis.ResponseError):
        redis_client.lpush("orders", "x")
    before = redis_client.info("errorstats")["errorstat_WRONGTYPE"]["count"]
    found, info = text(viewer), server.capabilities().info
    assert f"Role primary 0 replicas Version {info.flavour} {info.version_text} up " in found
    facts = found.partition(" up ")[2].partition(" Streams 1 Server")[0]
    assert re.fullmatch(
        r".* Memory \S+ [kMG]B no limit Writes refused ?\S+ since it started "
        r"Clients \S+ of \S+, \S+ in blocking reads Saved to disk .*",
        facts,
    ), facts
    assert f"WRONGTYPE a command on a key of another type {before}" in found
    assert "What Streamgauge costs it The last round over 1 stream took " in found
    assert "checked 0" in found


def test_memory_stands_against_its_limit(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    redis_client.config_set("maxmemory", 10**9)
    try:
        assert f"% of {size(10**9)}, noeviction" in text(viewer)
    finally:
        redis_client.config_set("maxmemory", 0)


def test_what_the_server_does_not_tell_is_unknown(
    server: Server, redis_client: redis.Redis, redis_url: str, viewer: Client
) -> None:
    redis_client.execute_command("ACL", "SETUSER", "quiet", "on", ">secret", "~*", "+@all", "-info")
    links.configure([ServerConfig("default", redis_url.replace("://", "://quiet:secret@"))])
    found = text(viewer)
    assert "Memory unknown" in found
    assert "Clients unknown" in found
    assert "Saved to disk unknown" in found
    assert viewer.get("/api/v1/servers/default/about").json()["refuses_writes"] is None


def test_it_is_next_to_the_streams(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    redis_client.xadd("orders", {"n": 1})
    for path, current in (("/s/default/", "Streams 1"), (ABOUT, "Server")):
        page = Page(viewer.get(path).content.decode())
        tabs = [a for a in page.root.all("a") if a.attrs.get("href") in ("/s/default/", ABOUT)]
        assert current in [a.text.strip() for a in tabs if a.attrs.get("aria-current") == "page"]
        assert {"Streams 1", "Server"} <= {a.text.strip() for a in tabs}


def test_a_stream_of_that_name_has_an_address_of_its_own(
    server: Server, redis_client: redis.Redis, viewer: Client
) -> None:
    redis_client.xadd("about", {"n": 1})
    redis_client.xgroup_create("about", "about", id="0")
    assert 'href="/s/default/~61bout/"' in viewer.get("/s/default/").content.decode()
    page = Page(viewer.get("/s/default/~61bout/").content.decode())
    assert page.root.all("h1")[0].text == "about"
    assert viewer.get("/s/default/~61bout/g/~61bout/").status_code == 200
    assert viewer.get("/api/v1/servers/default/streams/about").json()["length"] == 1


def test_a_stranger_sees_nothing(server: Server, stranger: Client, anonymous: Client) -> None:
    assert stranger.get(ABOUT).status_code in (403, 404)
    assert anonymous.get(ABOUT).status_code == 302
    assert anonymous.get("/api/v1/servers/default/about").status_code == 401
