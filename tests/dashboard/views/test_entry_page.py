"""The page of an entry: the same judgement as on the page of its group, and what to do about it."""

from __future__ import annotations

import pytest
import redis
from django.test import Client

from dashboard.fleet.entries import standing
from dashboard.fleet.findings.model import Limits
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.snapshots import Delivery, PendingEntry
from tests.html_page import Page

pytestmark = pytest.mark.django_db

ID = "1700000000000-7"
LIMITS = Limits(late_ms=60_000, stuck_ms=300_000, poison=5)


def pending(idle_ms: int, deliveries: int = 1) -> Delivery:
    return Delivery(b"billing", "pending", PendingEntry(StreamId(1, 1), b"ann", idle_ms, deliveries))


@pytest.mark.parametrize(
    ("delivery", "gone", "judged"),
    [
        (pending(59_999), False, ("Pending", "ok", "")),
        (pending(60_000), False, ("Late", "late", "stuck")),
        (pending(300_000), False, ("Stuck", "stuck", "stuck")),
        (pending(10, 5), False, ("Poison", "stuck", "poison")),
        (pending(300_000, 9), True, ("Deleted while pending", "late", "ghosts")),
        (pending(-1), False, ("Released", "late", "")),
        (Delivery(b"billing", "settled"), False, ("Settled", "ok", "")),
        (Delivery(b"billing", "undelivered"), False, ("Undelivered", "late", "")),
    ],
)
def test_an_entry_is_judged_by_the_limits_of_everything(
    delivery: Delivery, gone: bool, judged: tuple[str, str, str]
) -> None:
    found = standing(delivery, age_ms=60_000, gone=gone, limits=LIMITS)
    assert (found.word, found.severity, found.kind) == judged


def test_what_came_a_moment_ago_is_not_late() -> None:
    found = standing(Delivery(b"billing", "undelivered"), age_ms=59_999, gone=False, limits=LIMITS)
    assert (found.word, found.severity) == ("Undelivered", "ok")


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis) -> None:
    """One entry: stuck in one group, poison in another, settled in a third."""
    redis_client.xadd("orders", {"n": 1}, id=ID)
    for group, idle, deliveries in (("billing", 400_000, 1), ("mail", 1000, 9), ("audit", 0, 1)):
        redis_client.xgroup_create("orders", group, "0")
        redis_client.xreadgroup(group, "ann", {"orders": ">"})
        redis_client.xclaim("orders", group, "ann", 0, [ID], idle=idle, retrycount=deliveries, justid=True)
    redis_client.xack("orders", "audit", ID)


@pytest.mark.usefixtures("stuck")
def test_its_title_says_what_is_wrong_and_offers_the_next_step(operator: Client) -> None:
    page = Page(operator.get(f"/s/default/orders/e/{ID}/").content.decode())
    title = " ".join(page.text.partition(ID)[2].partition("Payload")[0].split())
    assert "Stuck added" in title
    assert "pending in 2 of 3 groups" in title
    assert f"/s/default/orders/do/claim/?group=billing&id={ID}" in page.links


@pytest.mark.usefixtures("stuck")
def test_the_next_step_is_about_this_entry_alone(operator: Client, redis_client: redis.Redis) -> None:
    redis_client.xadd("orders", {"n": 2})
    redis_client.xreadgroup("billing", "ann", {"orders": ">"})
    page = Page(operator.get(f"/s/default/orders/do/claim/?group=billing&id={ID}").content.decode())
    assert "The selected entry" in page.text


@pytest.mark.usefixtures("stuck")
def test_no_space_stands_before_a_comma_or_a_full_stop(viewer: Client) -> None:
    for address in (f"/s/default/orders/e/{ID}/", "/s/default/orders/?tab=retention", "/s/default/orders/g/billing/"):
        text = " ".join(Page(viewer.get(address).content.decode()).text.split())
        assert " ," not in text
        assert " ." not in text
