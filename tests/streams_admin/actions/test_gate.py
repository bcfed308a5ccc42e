"""The one gate, passed once at each door: page, API, command line and "run again"."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from dashboard.display.rows import value_json
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.models import AuditEntry, Plan
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.people import person, signed_in
from tests.streams_admin.acting import OPERATOR, of_group, planned

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]
PARAMS = of_group("1-0")


@pytest.fixture(autouse=True)
def seeded(redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    group(redis_client, read=3)


@pytest.fixture
def passed() -> Iterator[Counter[str]]:
    """How often the gate parsed, and asked for a right on the stream."""
    counts: Counter[str] = Counter()

    def counted(name: str, done: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            counts[name] += 1
            return done(*args, **named)

        return call

    with (
        patch.object(gate, "parse", counted("parsed", gate.parse)),
        patch.object(gate, "may", counted("authorised", gate.may)),
    ):
        yield counts


def by_page(client: Client) -> int:
    return client.get(reverse("do", args=["default", KEY, "ack"]), {"group": to_path(GROUP), "id": "1-0"}).status_code


def by_api(client: Client) -> int:
    params = {"group": value_json(GROUP), "ids": ["1-0"]}
    order = {"server": "default", "stream": value_json(KEY), "action": "ack", "params": params}
    return client.post("/api/v1/plans", json.dumps(order), content_type="application/json").status_code


def by_command(client: Client) -> int:
    params = [f"group={os.fsdecode(GROUP)}", "ids=1-0"]
    try:
        call_command("act", "ack", stream=os.fsdecode(KEY), who="olga", param=params, dry_run=True, stdout=StringIO())
    except CommandError:
        return 403
    return 200


def by_again(client: Client) -> int:
    return client.post(reverse("plan_again", args=[plans.token(Plan.objects.get())])).status_code


def by_run(client: Client) -> int:
    return client.post(reverse("plan", args=[plans.token(Plan.objects.get())])).status_code


@pytest.fixture(params=[by_page, by_api, by_command, by_again, by_run])
def door(request: pytest.FixtureRequest) -> Callable[[Client], int]:
    """One of the doors; the person who comes has a plan already, for "run" and "run again"."""
    person("olga", "operator")
    planned("ack", PARAMS, caller=OPERATOR)
    found: Callable[[Client], int] = request.param
    return found


def test_every_door_passes_it_once(door: Callable[[Client], int], passed: Counter[str]) -> None:
    passed.clear()
    assert door(signed_in(person("olga", None))) in (200, 201, 302)
    assert passed == {"parsed": 1, "authorised": 1}
    assert not AuditEntry.objects.filter(outcome__in=["denied", "refused"]).exists()


def test_every_door_writes_a_refusal_down_once(door: Callable[[Client], int], passed: Counter[str]) -> None:
    olga = person("olga", "viewer")
    olga.groups.remove(Group.objects.get(name="operator"))
    passed.clear()
    assert door(signed_in(olga)) == 403
    assert passed == {"parsed": 1, "authorised": 1}
    line = AuditEntry.objects.get()
    assert (line.outcome, line.action, line.params["group"]) == ("denied", "ack", to_path(GROUP))


def test_who_may_not_act_does_not_learn_what_is_wrong(server: Server) -> None:
    where = reverse("do", args=["default", KEY, "ack"])
    for wrong in ({"id": "soon"}, {"min_idle_ms": "-1", "all": "1"}):
        assert signed_in(person("vera", "viewer")).get(where, wrong).status_code == 403
        assert signed_in(person("olga", "operator")).get(where, wrong).status_code == 400
    assert AuditEntry.objects.filter(outcome="denied", who="vera").count() == 2
