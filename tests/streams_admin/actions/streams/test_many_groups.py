"""What goes is told of every group: the one that loses may be the last of many."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from streams_admin.actions.reads import losses
from streams_admin.models import Plan
from tests.dashboard.streams.seeding import KEY, fill
from tests.streams_admin.acting import planned

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = "No group loses anything"
EVERY = [
    ("delete", {"ids": ["1-0"]}),
    ("delete", {"filter": {"start": "1-0", "end": "3-0"}}),
    ("trim", {"maxlen": 1, "approximate": False}),
    ("trim", {"minid": "3-0", "approximate": False}),
]


@pytest.fixture(params=[9, 60])
def many(request: pytest.FixtureRequest, server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Groups that have read everything, and `z`, that holds the three entries."""
    fill(redis_client, 3)
    for number in range(request.param):
        redis_client.xgroup_create(KEY, f"a{number:02}", "$")
    redis_client.xgroup_create(KEY, "z", "0")
    redis_client.xreadgroup("z", "dead", {KEY: ">"})
    return redis_client


def titles(plan: Plan) -> list[str]:
    return [note["title"] for note in plan.preview["notes"]]


@pytest.mark.parametrize(("slug", "params"), EVERY)
def test_the_last_group_is_told_of(many: redis.Redis, slug: str, params: dict[str, Any]) -> None:
    plan = planned(slug, params)
    assert NOBODY not in titles(plan)
    (title,) = [title for title in titles(plan) if "pending in z" in title]
    assert title[0] in "123"
    assert plan.preview["counts"]["pending in z"] == int(title[0])


@pytest.mark.parametrize(("slug", "params"), EVERY)
def test_nobody_loses_is_said_after_a_look_at_all(many: redis.Redis, slug: str, params: dict[str, Any]) -> None:
    many.xack(KEY, "z", "1-0", "2-0", "3-0")
    assert NOBODY in titles(planned(slug, params))


@pytest.mark.parametrize(("slug", "params"), EVERY)
def test_it_is_not_said_while_a_group_was_not_looked_into(
    many: redis.Redis, monkeypatch: pytest.MonkeyPatch, slug: str, params: dict[str, Any]
) -> None:
    monkeypatch.setattr(losses, "GROUPS", 0)
    found = titles(planned(slug, params))
    assert NOBODY not in found
    assert "1 more group not checked" in found


def test_all_that_a_deleted_stream_has_pending_is_counted(many: redis.Redis) -> None:
    plan = planned("stream_delete", {})
    assert plan.preview["counts"]["pending"] == 3
    assert "z has 3 pending" in titles(plan)
