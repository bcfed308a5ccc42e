"""The heaviest streams on a server's page: by what the server says they take, with what makes them heavy."""

from __future__ import annotations

import re

import pytest
import redis
from django.test import Client

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.fleet.samplers import fleet
from dashboard.streams.links import Server
from dashboard.views.server import heaviest
from tests.conftest import Configure
from tests.html_page import Element, Page

ABOUT = "/s/default/about/"


@pytest.fixture(autouse=True)
def each_time(configure: Configure) -> None:
    """Each page is of a round of its own."""
    configure(sample_every=0)


def rows(client: Client) -> list[dict[str, Element]]:
    return Page(client.get(ABOUT).content.decode()).rows("Heaviest streams")


def test_they_stand_in_the_order_of_what_they_take(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    for n in range(1, 101):
        redis_client.xadd("large", {"body": "x" * 5_000}, id=f"{n}-0")
        redis_client.xadd("small", {"n": n}, id=f"{n}-0")
    redis_client.xgroup_create("small", "late", id="0")
    redis_client.xadd("logs", {"n": 1})
    large, small, logs = rows(viewer)
    assert [row["Stream"].text for row in (large, small, logs)] == ["large", "small", "logs"]
    assert (large["Length"].text, small["Length"].text, logs["Length"].text) == ("100", "100", "1")
    assert re.fullmatch(r"about [5-9]\.\d kB per entry", large["Why"].text)
    counts = "entries-added" in redis_client.xinfo_stream("logs")
    assert re.fullmatch(r"about \d+ B per entry", small["Why"].text), "its IDs are no times"
    assert logs["Why"].text.startswith("nothing was ever removed, first entry 0" if counts else "about 2 B per")


def test_what_is_pending_weighs_too(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    for n in range(1, 201):
        redis_client.xadd("jobs", {"n": n}, id=f"{n}-0")
    for group in ("a", "b"):
        redis_client.xgroup_create("jobs", group, id="0")
        redis_client.xreadgroup(group, "w", {"jobs": ">"}, count=200)
    assert [row["Why"].text for row in rows(viewer)] == ["400 pending in 2 groups"]


def test_only_what_one_may_see_is_measured_and_shown(server: Server, redis_client: redis.Redis, db: None) -> None:
    redis_client.xadd("secret", {"body": "x" * 9_000})
    redis_client.xadd("open:1", {"n": 1})
    nina = Principal("nina", "user:1", (Grant("viewer", keys=("open:*",)),))
    snapshot = fleet().sample(server)
    assert [heavy.key for heavy in heaviest.heaviest(nina, server, snapshot)] == [b"open:1"]


def test_memory_is_asked_once_a_round_for_few_streams(
    server: Server, redis_client: redis.Redis, viewer: Client, configure: Configure
) -> None:
    for n in range(60):
        redis_client.xadd(f"s:{n:02}", {"body": "x" * (1 + 100 * n)})
    configure(sample_every=3600)
    fleet().sample(server)
    redis_client.config_resetstat()
    for _ in range(3):
        shown = [row["Stream"].text for row in rows(viewer)]
        assert shown == [f"s:{n}" for n in range(59, 59 - heaviest.SHOWN, -1)]
    stats = redis_client.info("commandstats")
    assert sum(of["calls"] for name, of in stats.items() if name.startswith("cmdstat_memory")) == heaviest.MEASURED


def test_what_the_server_does_not_tell_has_its_reason(
    server: Server, redis_client: redis.Redis, redis_url: str, viewer: Client
) -> None:
    redis_client.xadd("orders", {"n": 1})
    redis_client.execute_command("ACL", "SETUSER", "default", "-memory")
    try:
        (row,) = rows(viewer)
    finally:
        redis_client.execute_command("ACL", "SETUSER", "default", "+memory")
    assert row["Memory"].text == "unknown"
    assert "may not run MEMORY USAGE" in row["Memory"].said


def test_a_server_without_streams_has_none(server: Server, redis_client: redis.Redis, viewer: Client) -> None:
    assert "Heaviest streams" not in Page(viewer.get(ABOUT).content.decode()).tables
