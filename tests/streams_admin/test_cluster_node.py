"""On a node in cluster mode a plan to copy says that the target is in another slot, and which name is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from tests.clusters import address, cluster_of_one

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[redis.Redis]:
    with cluster_of_one() as client:
        yield client


@pytest.fixture
def node(cluster: redis.Redis) -> Iterator[redis.Redis]:
    """Each stream with a group that has one entry pending."""
    links.configure([ServerConfig("default", address(cluster))])
    cluster.flushall()
    for key in ("orders", "{eu}:orders"):
        cluster.xadd(key, {"n": 1}, id="1-0")
        cluster.xgroup_create(key, "billing", "0")
        cluster.xreadgroup("billing", "ann", {key: ">"})
    yield cluster
    links.configure([])


def plan(admin: Client, stream: str, action: str, **params: Any) -> Any:
    body = {"server": "default", "stream": stream, "action": action, "params": params}
    return admin.post("/api/v1/plans", body, content_type="application/json")


@pytest.mark.parametrize(
    ("stream", "action", "params", "name"),
    [
        ("orders", "dead_letter", {"group": "billing", "ids": ["1-0"]}, "{orders}:dlq"),
        ("orders", "replay", {"ids": ["1-0"], "to": "again"}, "{orders}:again"),
        ("{eu}:orders", "replay", {"ids": ["1-0"], "to": "again"}, "{eu}:again"),
    ],
)
def test_another_slot_is_refused_with_a_name_that_fits(
    node: redis.Redis, admin: Client, stream: str, action: str, params: dict[str, Any], name: str
) -> None:
    answer = plan(admin, stream, action, **params)
    assert answer.status_code == 400
    assert "different slots" in answer.json()["detail"]
    assert f"like {name}." in answer.json()["detail"]
    assert node.dbsize() == 2
    assert plan(admin, stream, action, **{**params, "to": name}).status_code == 201


def test_the_same_slot_is_planned(node: redis.Redis, admin: Client) -> None:
    answer = plan(admin, "{eu}:orders", "dead_letter", group="billing", ids=["1-0"])
    assert answer.status_code == 201
