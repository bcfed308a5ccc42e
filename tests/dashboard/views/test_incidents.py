"""Incidents on pages: since when, what was cleared, and muting."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
import redis
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.fleet.samplers import fleet
from dashboard.models import AccessGrant, Incident
from dashboard.streams import links
from dashboard.streams.links import Server
from dashboard.views.incidents import cleared
from tests.conftest import Configure
from tests.html_page import Page
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db
CLEARED = "Cleared, last first"
FOUND = "Findings, worst first, then oldest"


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis, configure: Configure) -> str:
    """An entry that was delivered once too often: its finding is recorded."""
    configure(sample_every=0, poison_deliveries=1)
    added: bytes = redis_client.xadd("orders", {"n": 1})
    redis_client.xgroup_create("orders", "workers", "0")
    redis_client.xreadgroup("workers", "ann", {"orders": ">"})
    look(server)
    return added.decode()


def look(server: Server) -> None:
    """A round, and what is new of it in the database."""
    fleet().sample(server)
    fleet().sampler(server).incidents.record()


def restart(server: Server) -> Server:
    """As a process that has just begun."""
    links.configure([server.config])
    fleet().sampler(links.get("default")).incidents.record()
    look(links.get("default"))
    return links.get("default")


def only() -> Incident:
    return Incident.objects.get()


def page(client: Client, path: str = "/") -> Page:
    answer = client.get(path)
    assert answer.status_code == 200
    return Page(answer.content.decode())


def main(client: Client, path: str = "/") -> str:
    (found,) = page(client, path).root.all("main")
    return found.text


# since when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/s/default/orders/", "/s/default/orders/g/workers/"])
def test_since_is_older_than_the_process(path: str, stuck: str, server: Server, viewer: Client) -> None:
    long_ago = timezone.localtime() - timedelta(days=400)
    Incident.objects.update(since_ms=int(long_ago.timestamp() * 1000))
    assert f"since {long_ago.day} {long_ago:%b %Y %H:%M}" not in main(viewer, path)
    restart(server)
    assert f"since {long_ago.day} {long_ago:%b %Y %H:%M}" in main(viewer, path)


def test_an_outage_goes_on_since_before_the_process(server: Server, viewer: Client, configure: Configure) -> None:
    gone = links.ServerConfig("default", "redis://127.0.0.1:1")
    links.configure([gone])
    look(links.get("default"))
    long_ago = timezone.localtime() - timedelta(days=400)
    Incident.objects.update(since_ms=int(long_ago.timestamp() * 1000))
    restart(links.get("default"))
    assert f"since {long_ago.day} {long_ago:%b %Y %H:%M}" in main(viewer)
    assert "400 d" in page(viewer).rows(FOUND)[0]["Oldest"].text


# cleared -------------------------------------------------------------------------------------------------------------


def test_nothing_was_cleared(stuck: str, viewer: Client) -> None:
    assert "Cleared in the last 24 h None recorded." in main(viewer)
    assert page(viewer).tables == [FOUND]


def test_what_was_cleared_is_listed_for_a_day(
    stuck: str, server: Server, redis_client: redis.Redis, viewer: Client
) -> None:
    said = page(viewer).rows(FOUND)[0]["Why"].text
    redis_client.xack("orders", "workers", stuck)
    look(server)
    Incident.objects.update(lasted_ms=5_400_000, cleared_at=timezone.now() - timedelta(hours=23), times=3)
    assert "Nothing needs attention" in main(viewer)
    assert "Cleared in the last 24 h 1 in all" in main(viewer)
    (row,) = page(viewer).rows(CLEARED)
    assert row["What"].text == "Poison came 3 times"
    assert row["Lasted"].text == "1 h 30 min"
    assert row["Where"].text == "orders ▸ workers default"
    assert said.startswith(row["Why it was listed"].text)
    assert re.fullmatch(r"(\w{3} )?\d\d:\d\d", row["Cleared"].text)
    Incident.objects.update(cleared_at=timezone.now() - timedelta(hours=25))
    assert CLEARED not in page(viewer).tables


@pytest.mark.usefixtures("stuck")
def test_of_many_the_page_shows_the_last_and_leads_to_all(
    server: Server, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleared, "ROWS", 6)
    begun = only()
    for number in range(8):
        begun.pk, begun.identity, begun.stream = uuid4(), str(number), b"orders:%d" % number
        begun.cleared_at = timezone.now() - timedelta(minutes=number)
        begun.save(force_insert=True)
    some = [row["Where"].text.split()[0] for row in page(viewer).rows(CLEARED)]
    assert some == [f"orders:{number}" for number in range(5)]
    path = page(viewer).target("Show all")
    first = page(viewer, f"/{path}")
    assert "8 in all" in first.text
    assert len(first.rows(CLEARED)) == 6
    assert first.tables == [CLEARED]
    second = page(viewer, f"/{first.target('Next')}")
    assert [row["Where"].text.split()[0] for row in second.rows(CLEARED)] == ["orders:6", "orders:7"]
    assert second.target("Previous") == path


def test_what_was_cleared_elsewhere_is_for_who_may_see_it(stuck: str, server: Server) -> None:
    Incident.objects.update(cleared_at=timezone.now())
    nora = person("nora", None)
    grant = AccessGrant.objects.create(user=nora, role="viewer", server="default", keys=["others:*"])
    assert "orders" not in main(signed_in(nora))
    grant.keys = ["orders"]
    grant.save()
    assert len(page(signed_in(nora)).rows(CLEARED)) == 1


# muting --------------------------------------------------------------------------------------------------------------


def mute(client: Client, **fields: str) -> Page:
    answer = client.post(mute_path(), fields, follow=True)
    return Page(answer.content.decode())


def mute_path() -> str:
    return reverse("mute", args=[only().pk])


def masthead(client: Client) -> str:
    return page(client).root.all("header")[0].text


def test_who_may_mute_is_offered_it_and_who_may_not_is_not(stuck: str, operator: Client, viewer: Client) -> None:
    assert ("Mute…", mute_path()) in page(operator).targets
    assert "Mute…" not in page(viewer).text


@pytest.mark.parametrize(
    ("span", "lasts"), [("1", timedelta(hours=1)), ("24", timedelta(days=1)), ("168", timedelta(days=7))]
)
def test_a_muted_finding_leaves_list_and_count(
    span: str, lasts: timedelta, stuck: str, operator: Client, viewer: Client
) -> None:
    assert "Attention 1" in masthead(operator)
    said = mute(operator, span=span, reason="worker-2 is redeployed").notes[0].text
    until = only().muted_until
    assert until is not None
    assert abs(until - timezone.now() - lasts) < timedelta(minutes=1)
    assert said.startswith("Muted until ")
    assert "Nothing needs attention" in main(viewer)
    assert "Attention 1" not in masthead(viewer)
    assert "1 muted next ends" in main(viewer)
    muted = page(viewer, "/?muted=1")
    assert "Muted" in muted.headings
    assert "by olga: worker-2 is redeployed" in muted.rows(FOUND)[0]["Why"].text
    assert "End mute" not in muted.buttons
    for path in ("/s/default/orders/", "/s/default/orders/g/workers/"):
        assert "by olga: worker-2 is redeployed" in main(viewer, path)
    assert "End mute" in page(operator, "/?muted=1").buttons
    operator.post(reverse("unmute", args=[only().pk]))
    assert "1 needs attention" in main(viewer)
    assert main(viewer, "/?muted=1").count("Nothing is muted") == 1


def test_a_mute_ends_exactly(stuck: str, operator: Client) -> None:
    end = timezone.localtime() + timedelta(hours=30)
    mute(operator, span="until", until=f"{end:%Y-%m-%d %H:%M}", reason="deployed")
    assert only().muted_until == end.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"span": "4", "reason": " "}, "Enter a reason: everybody who looks sees it."),
        ({"span": "4", "reason": "x" * 501}, "at most 500 characters"),
        ({"span": "until", "reason": "x"}, "Enter a date and a time, or choose one of the others."),
        ({"span": "until", "until": "soon", "reason": "x"}, "Enter a date and a time, like 2026-11-30 18:00."),
        ({"span": "until", "until": "2001-01-01 10:00", "reason": "x"}, "in the future, and in 7 days at most"),
        ({"span": "until", "until": "2101-01-01 10:00", "reason": "x"}, "in the future, and in 7 days at most"),
    ],
)
def test_a_mute_that_cannot_be(fields: dict[str, str], said: str, stuck: str, operator: Client) -> None:
    answer = operator.post(mute_path(), fields)
    assert answer.status_code == 400
    assert said in Page(answer.content.decode()).text
    assert only().muted_until is None


def test_what_is_over_cannot_be_muted(stuck: str, operator: Client) -> None:
    path = mute_path()
    Incident.objects.update(cleared_at=timezone.now())
    assert operator.get(path).status_code == 404
    assert operator.post(path, {"span": "4", "reason": "x"}).status_code == 404
