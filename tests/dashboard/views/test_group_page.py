"""The page of a group: its figures are of one moment and do not contradict each other."""

from __future__ import annotations

import re
import time

import pytest
import redis
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.streams.links import Server
from dashboard.streams.links.standalone import Standalone
from tests.html_page import Page

pytestmark = pytest.mark.django_db
GROUP = "/s/default/orders/g/workers/"


@pytest.fixture
def pending(server: Server, redis_client: redis.Redis) -> list[str]:
    """Two entries with ann, added 31 and 21 seconds ago, as the fleet has looked at them."""
    now = int(time.time() * 1000)
    ids = [f"{now - 31_000}-0", f"{now - 21_000}-0"]
    for id_ in ids:
        redis_client.xadd("orders", {"n": 1}, id=id_)
    redis_client.xgroup_create("orders", "workers", "0")
    redis_client.xreadgroup("workers", "ann", {"orders": ">"})
    fleet().sample(server)
    return ids


def test_the_gauge_knows_of_nothing_older_than_the_figures(
    viewer: Client, redis_client: redis.Redis, pending: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet(), "running", True)
    redis_client.xack("orders", "workers", pending[0])
    page = Page(viewer.get(GROUP).content.decode())
    oldest = pending[1].partition("-")[0]
    (held,) = [each for each in page.root.all("text") if re.match(r"1 held.*, oldest ", each.text)]
    assert [each.attrs["data-at"] for each in held.all("tspan") if "data-at" in each.attrs] == [oldest]
    assert page.fact("Oldest pending").all("time")[0].attrs["data-at"] == oldest


def test_every_age_is_a_moment_that_the_page_counts_on_from(viewer: Client, pending: list[str]) -> None:
    """What stood still beside it would contradict it a second later."""
    html = viewer.get(GROUP).content.decode()
    main = html.partition("<main")[2].partition("</main>")[0]
    ages = [
        age for tag, age in re.findall(r"<(\w+)[^>]*>([\d.]+ s(?: ago)?)<", main) if tag != "text"
    ]  # a mark of the ruler
    moments = re.findall(r"<(?:time|tspan)[^>]* data-at=\"\d+\"[^>]*>([\d.]+ s(?: ago)?)<", main)
    assert len(ages) >= 6
    assert moments == ages
    assert main.count("data-now-ms") == 1, "one clock"


@pytest.mark.parametrize("page", [GROUP, "/s/default/orders/", "/s/default/orders/?tab=groups"])
def test_a_page_takes_two_round_trips(
    page: str, viewer: Client, pending: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may take 0.8 s, and whoever has to connect waits for one more."""
    asked, ask = [], Standalone.exchange
    monkeypatch.setattr(fleet(), "running", True)
    monkeypatch.setattr(Standalone, "exchange", lambda self, commands: asked.append(commands) or ask(self, commands))
    assert viewer.get(page).status_code == 200
    assert len([commands for commands in asked if commands]) == 2


@pytest.mark.parametrize("page", [GROUP, "/s/default/orders/?tab=groups"])
def test_the_oldest_entry_whose_id_is_no_clocks_is_as_old_as_its_last_delivery(
    viewer: Client, server: Server, redis_client: redis.Redis, page: str
) -> None:
    redis_client.xadd("orders", {"n": 1}, id="5-1")
    redis_client.xgroup_create("orders", "workers", "0")
    redis_client.xreadgroup("workers", "ann", {"orders": ">"})
    redis_client.xclaim("orders", "workers", "ann", 0, ["5-1"], idle=90_000)
    html = viewer.get(page).content.decode()
    oldest = re.search(r"(?:Oldest pending</dt>|data-label=\"oldest\">).*?<time[^>]*>([^<]*)", html, re.DOTALL)
    assert oldest is not None
    assert oldest[1].startswith("1 min 3")


def test_the_list_is_filtered_by_payload_and_all_that_match_cannot_be_acted_on(
    operator: Client, redis_client: redis.Redis, pending: list[str]
) -> None:
    """An action knows no filter by payload: "all that match" would be more than is shown."""
    plain, filtered = (Page(operator.get(GROUP + query).content.decode()) for query in ("", "?where=n+%3D+2"))
    assert "All 2 pending" in plain.root.text
    assert "No pending entries match" in filtered.root.text
    matching = Page(operator.get(GROUP + "?where=n+%3D+1+and+id+>+" + pending[0]).content.decode())
    rows = [row.attrs["id"] for row in matching.root.all("tr") if row.attrs.get("id", "").startswith("p-")]
    assert rows == [f"p-{pending[1]}"]
    for page in (filtered, matching):
        assert not [each for each in page.root.all("input") if each.attrs.get("name") == "all"]
        assert [each.attrs["value"] for each in page.root.all("input") if each.attrs.get("name") == "where"] != [""]


def test_a_wrong_filter_of_the_list_is_a_problem_that_marks_it(operator: Client, pending: list[str]) -> None:
    answer = operator.get(GROUP + "?where=n+%3D+1+and+many")
    assert answer.status_code == 400
    html = answer.content.decode()
    assert 'data-problem-at="10,14"' in html
    assert '<p data-problem="where">where, character 11: &#x27;many&#x27; is not a valid condition' in html
