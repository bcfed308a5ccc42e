"""What was cleared names what was done there just before, for who may know of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.accounts.directory import principal_for_user
from dashboard.fleet.samplers import fleet
from dashboard.models import AccessGrant, Incident
from dashboard.streams.links import Server
from streams_admin import plans
from streams_admin.audit.log import Caller
from streams_admin.last_actions import WITHIN
from streams_admin.models import Operation
from streams_admin.operations import start
from tests.conftest import Configure
from tests.html_page import Page
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db
CLEARED = "Cleared, last first"
DONE = "after olga: Acknowledge 1 entry"


@pytest.fixture
def acknowledged(server: Server, redis_client: redis.Redis, configure: Configure) -> Operation:
    """Something was wrong in two groups; olga acknowledged what one of them held, and both cleared then."""
    configure(poison_deliveries=1)
    redis_client.xadd("orders", {"n": 1})
    for group in ("workers", "others"):
        redis_client.xgroup_create("orders", group, "0")
        redis_client.xreadgroup(group, "ann", {"orders": ">"})
    look(server)
    caller = Caller(principal_for_user(person("olga", "operator")), "page")
    params: dict[str, Any] = {"group": "workers", "filter": {}}
    done = start.begin(caller, plans.prepare(caller, server, b"orders", "ack", params))
    redis_client.delete("orders")
    look(server)
    return done


def look(server: Server) -> None:
    fleet().sample(server)
    fleet().sampler(server).incidents.record()


def why(client: Client, group: str) -> str:
    """What is said of the poison entry that a group does not hold any more."""
    rows = Page(client.get("/?cleared=1").content.decode()).rows(CLEARED)
    found = [row["Why it was listed"].text for row in rows if f"▸ {group} " in f"{row['Where'].text} "]
    (text,) = [text for text in found if "Delivered" in text]
    return text


def test_it_is_named_where_it_was_done(acknowledged: Operation, operator: Client) -> None:
    assert why(operator, "workers").endswith(DONE)
    assert DONE not in why(operator, "others")
    page = Page(operator.get("/").content.decode())
    assert page.target("Acknowledge 1 entry") == reverse("operation", args=[acknowledged.pk])


def test_what_was_done_long_before_is_not_named(acknowledged: Operation, operator: Client) -> None:
    assert acknowledged.ended is not None
    Operation.objects.update(ended=acknowledged.ended - WITHIN - timedelta(seconds=1))
    assert DONE not in why(operator, "workers")
    Operation.objects.update(ended=timezone.now() + timedelta(minutes=1))
    assert DONE not in why(operator, "workers"), "it came after"


def test_what_did_nothing_is_not_named(acknowledged: Operation, operator: Client) -> None:
    Operation.objects.update(done=0)
    assert DONE not in why(operator, "workers")


def test_who_may_not_see_the_audit_log_is_not_told(acknowledged: Operation, viewer: Client) -> None:
    assert DONE not in why(viewer, "workers")
    AccessGrant.objects.create(user=person("vera", "viewer"), role="operator", server="default", keys=["orders"])
    assert DONE in why(signed_in(person("vera", "viewer")), "workers")


def test_an_action_on_the_stream_is_one_on_each_of_its_groups(acknowledged: Operation, operator: Client) -> None:
    plan = acknowledged.plan
    plan.params = {}
    plan.save()
    assert DONE in why(operator, "others")


def test_nothing_cleared_asks_nothing(server: Server, operator: Client) -> None:
    assert not Incident.objects.exists()
    assert operator.get("/").status_code == 200
