"""A replica is called one on every page, offers no actions, and refuses plans before anything is read for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from tests.html_page import Page

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("/", "/s/default/", "/s/default/orders/")
PLAN = {"server": "default", "stream": "orders", "action": "trim", "params": {"maxlen": 0}}


@pytest.fixture
def replica(server: Server, redis_client: redis.Redis) -> Iterator[Server]:
    """As the sampler finds it: the role is known before a page is asked for."""
    redis_client.xadd("orders", {"n": 1}, id="1-0")
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert server.facts().role == "replica"
    yield server
    redis_client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_primary_is_not_called_a_replica(server: Server, admin: Client, redis_client: redis.Redis) -> None:
    redis_client.xadd("orders", {"n": 1}, id="1-0")
    html = admin.get("/s/default/orders/").content.decode()
    assert "Replica" not in html
    assert "/do/trim/" in html


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_it_is_a_replica_and_offers_nothing(replica: Server, admin: Client, page: str) -> None:
    found = Page(admin.get(page).content.decode())
    assert "Replica" in found.badges
    assert "/do/" not in found.source


def test_a_plan_is_refused_with_the_reason(replica: Server, admin: Client, redis_client: redis.Redis) -> None:
    answer = admin.post("/api/v1/plans", PLAN, content_type="application/json")
    assert answer.json()["detail"] == "default is a replica: only its primary takes writes."
    assert answer.status_code == 409
    assert redis_client.xlen("orders") == 1


def test_a_plan_finds_out_that_it_became_a_replica_within_a_minute(
    server: Server, admin: Client, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_client.xadd("orders", {"n": 1}, id="1-0")
    assert server.facts().role == "primary"
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    monkeypatch.setattr(Server.facts, "__defaults__", (0.0,))
    try:
        answer = admin.post("/api/v1/plans", PLAN, content_type="application/json")
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")
    assert "is a replica" in answer.json()["detail"]
