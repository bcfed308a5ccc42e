"""The first page: when there is nothing to see to, when a server cannot be read, when there is more than fits."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.views import attention
from streams_admin.demo import embedded
from tests.conftest import Configure
from tests.html_page import Page

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("server")
def test_an_empty_page_says_how_long_is_too_long(
    viewer: Client, redis_client: redis.Redis, configure: Configure
) -> None:
    configure(late_after=90, stuck_after=1200)
    redis_client.xadd("orders", {"n": 1})
    page = viewer.get("/").content.decode()
    assert "Nothing needs attention" in page
    assert "untouched for 1 min 30 s (LATE_AFTER). Stuck: for 20 min (STUCK_AFTER)" in page


@pytest.mark.usefixtures("server")
def test_an_empty_server_is_called_empty_and_not_well(viewer: Client) -> None:
    page = Page(viewer.get("/").content.decode())
    assert page.headings[0] == "No streams yet"
    assert "redis-cli XADD mystream '*' hello world" in page.text
    assert "attention" not in page.text.partition("<main")[2]
    assert page.states == []


def test_what_could_not_be_read_is_said_where_nothing_is_known_to_be_wrong(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_client.xadd("orders", {"n": 1})
    mine = fleet().sampler(server)
    fleet().sample(server)
    monkeypatch.setattr(fleet(), "running", True)
    monkeypatch.setattr(mine, "snapshot", replace(mine.snapshot, complete=False))
    page = Page(viewer.get("/").content.decode())
    assert page.headings[0] == "No known problems"
    assert "Whether anything is elsewhere is unknown" in page.text
    assert "Its streams are still being counted." in page.text


def test_the_entry_that_a_finding_names_leads_to_its_page(
    viewer: Client, server: Server, redis_client: redis.Redis
) -> None:
    redis_client.xadd("orders", {"n": 1}, id="1700000000000-0")
    redis_client.xgroup_create("orders", "workers", "0")
    redis_client.xreadgroup("workers", "ann", {"orders": ">"})
    redis_client.xclaim("orders", "workers", "ann", 0, ["1700000000000-0"], retrycount=9)
    fleet().sample(server)
    page = Page(viewer.get("/").content.decode())
    assert ("1700000000000-0", "/s/default/orders/e/1700000000000-0/") in page.targets


# a server that cannot be read -----------------------------------------------------------------------------------------


@pytest.fixture
def silent(server: Server, redis_client: redis.Redis) -> None:
    """It was read once, with one finding, and does not answer since; beside it one that never did."""
    redis_client.xadd("orders", {"n": 1}, id="1700000000000-0")
    redis_client.xgroup_create("orders", "workers", "0")
    fleet().sample(server)
    gone = f"redis://127.0.0.1:{embedded.free_port()}"
    never = ServerConfig("never", gone, title="Never, there", environment="production")
    links.configure([replace(server.config, url=gone, title="Orders, Europe"), never])
    for each, known in zip(links.all(), (fleet().sampler(server).snapshot, None), strict=True):
        mine = fleet().sampler(each)
        mine.snapshot = replace(known, at=time.time() - 754) if known else mine.snapshot
        fleet().sample(each)


@pytest.mark.usefixtures("silent")
def test_a_server_that_cannot_be_read_stands_first_and_counts(viewer: Client) -> None:
    found = Page(viewer.get("/").content.decode())
    text = " ".join(found.text.split())
    assert "3 need attention 2 stuck · 1 late" in text
    rows = text.partition("Next step")[2]
    assert max(rows.index("Orders, Europe"), rows.index("Never, there")) < rows.index("Nobody reading")
    assert "nothing is listening at the server's address. Its findings are from 12 min ago." in text
    assert "It has not been read yet." in text
    assert "Attention 3" in text


@pytest.mark.usefixtures("silent")
def test_what_was_known_of_a_server_that_cannot_be_read_is_marked_as_old(viewer: Client) -> None:
    page = Page(viewer.get("/").content.decode())
    assert [each.tag for each in page.dimmed] == ["dl", "tr"], "the figures of all servers, and the one finding"
    assert page.source.count("data-stale") == 1 + 2  # the template, and a row for each server


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(("query", "shown"), [("?severity=late", 0), ("?kind=poison", 2), ("?server=never", 1)])
def test_filters_hide_no_server_that_cannot_be_read_behind_another_kind(viewer: Client, query: str, shown: int) -> None:
    assert viewer.get(f"/{query}").content.decode().count("Unreachable") == shown


# more than a page -----------------------------------------------------------------------------------------------------


def test_more_findings_than_fit_are_said_and_led_to(
    server: Server, redis_client: redis.Redis, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "ROWS", 4)
    for number in range(6):
        redis_client.xadd(f"orders:{number}", {"n": 1}, id="1700000000000-0")
        redis_client.xgroup_create(f"orders:{number}", "workers", "0")
    first = Page(viewer.get("/?severity=late").content.decode())
    assert "and 2 more" in first.text
    assert "?severity=late&start=4" in first.links
    second = Page(viewer.get("/?severity=late&start=4").content.decode())
    assert second.text.count("Nobody reading") - first.text.count("Nobody reading") == -2
    assert "?severity=late" in second.links
