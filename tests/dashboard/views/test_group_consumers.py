"""A group of hundreds of consumers: each can be found, opened and counted."""

from __future__ import annotations

import time

import pytest
import redis
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.streams.links import Server
from tests.conftest import Configure
from tests.html_page import Page

pytestmark = pytest.mark.django_db
GROUP = "/s/default/orders/g/workers/"
MANY = 320


@pytest.fixture
def crowd(server: Server, redis_client: redis.Redis) -> None:
    """Three entries with the first consumer, one with each of the others."""
    filling = redis_client.pipeline()
    for n in range(MANY + 2):
        filling.xadd("orders", {"n": n})
    filling.xgroup_create("orders", "workers", "0")
    for n in range(MANY):
        filling.xreadgroup("workers", f"pod-{n:03}", {"orders": ">"}, count=1 if n else 3)
    filling.execute()
    fleet().sample(server)


def listed(page: Page) -> list[str]:
    (table,) = [each for each in page.root.all("table") if each.attrs.get("aria-label", "").startswith("Consumers")]
    return [row.all("a")[0].text for row in table.all("tr") if row.attrs.get("id", "").startswith("c-")]


def opened(viewer: Client, query: str = "") -> Page:
    return Page(viewer.get(GROUP + query).content.decode())


def link(page: Page, words: str) -> str:
    return next(href for text, href in page.targets if text == words)


def test_the_few_that_hold_most_come_first_and_the_others_page_by_page(viewer: Client, crowd: None) -> None:
    page = opened(viewer)
    assert listed(page)[0] == "pod-000"
    assert len(listed(page)) == 10
    seen, onward = [], [link(page, "310 more consumers")]
    while onward:
        page = opened(viewer, onward[0])
        seen += listed(page)
        onward = [href for text, href in page.targets if text == "Next" and "after=" not in href]
    assert sorted(seen) == [f"pod-{n:03}" for n in range(MANY)]


def test_any_of_them_is_found_by_a_part_of_its_name_and_opened(viewer: Client, crowd: None) -> None:
    page = opened(viewer, "?find=D-31")
    assert listed(page) == [f"pod-31{n}" for n in range(10)]
    page = opened(viewer, link(page, "pod-317"))
    assert listed(page) == [f"pod-31{n}" for n in range(10)]
    assert [each.attrs["value"] for each in page.root.all("option") if "selected" in each.attrs] == ["pod-317"]
    assert "1 of 1 matching" in " ".join(page.text.split())
    assert "No consumer matches" in opened(viewer, "?find=nobody").text


def test_the_gauge_counts_all_that_hold_something(viewer: Client, crowd: None) -> None:
    assert f"{MANY + 2} entries pending with {MANY} consumers" in viewer.get(GROUP).content.decode()


def test_a_consumer_that_does_not_read_what_others_get_is_not_said_to_wait(
    viewer: Client, server: Server, redis_client: redis.Redis, configure: Configure
) -> None:
    configure(late_after=1, stuck_after=2)
    redis_client.xgroup_create("orders", "workers", "0", mkstream=True)
    for name in ("dead", "ann"):
        redis_client.xadd("orders", {"n": 1})
        (read,) = redis_client.xreadgroup("workers", name, {"orders": ">"})
        redis_client.xack("orders", "workers", *(id_ for id_, _ in read[1]))
        time.sleep(2.2 if name == "dead" else 0)
    fleet().sample(server)
    rows = opened(viewer).rows("Consumers, most pending first")
    states = {row["Consumer"].text.strip(): row["State"].all("span")[0].text for row in rows}
    assert states["dead"] == "Not reading"
    assert states["ann"] != "Not reading"
