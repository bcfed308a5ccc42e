"""What somebody may not do is written down for ever: it must not fill the disk."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from django.test import Client

from streams_admin.actions import gate
from streams_admin.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]


def order(client: Client, **given: Any) -> Any:
    body = {"server": "default", "stream": "orders", "action": "ack", "params": {"group": "g", "filter": {}}, **given}
    return client.post("/api/v1/plans", json.dumps(body), content_type="application/json")


def test_attempts_that_never_end_are_not_all_written_down(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "DENIED_MOST", 3)
    assert [order(viewer).status_code for _ in range(5)] == [403, 403, 403, 429, 429]
    assert AuditEntry.objects.filter(outcome="denied").count() == 3


def test_somebody_elses_attempts_do_not_count(
    viewer: Client, operator: Client, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "DENIED_MOST", 1)
    redis_client.xadd("orders", {"n": "1"})
    assert [order(viewer).status_code, order(viewer).status_code] == [403, 429]
    assert order(operator, action="trim").status_code == 403
    redis_client.xgroup_create("orders", "g", "0")
    redis_client.xreadgroup("g", "c", {"orders": ">"})
    assert order(operator).status_code == 201


def test_a_huge_name_is_not_kept(viewer: Client) -> None:
    assert order(viewer, stream="\x01" * 30_000).status_code == 403
    assert len(AuditEntry.objects.get().stream) == 3 * gate.NAMED


def test_a_seal_in_other_letters_is_just_wrong(operator: Client, redis_client: redis.Redis) -> None:
    redis_client.xadd("orders", {"n": "1"})
    redis_client.xgroup_create("orders", "g", "0")
    redis_client.xreadgroup("g", "c", {"orders": ">"})
    number = order(operator).json()["plan"].partition("_")[0]
    answer = operator.post(f"/api/v1/plans/{number}_%C3%A9/run", "{}", content_type="application/json")
    assert answer.status_code == 404
