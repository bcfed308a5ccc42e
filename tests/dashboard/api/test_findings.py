"""Findings in the API as incidents: an id that stays, filters, what was cleared, and muting."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from dashboard.fleet.samplers import fleet
from dashboard.models import Incident
from dashboard.streams import links
from tests.conftest import Configure
from tests.dashboard.api.conftest import ANY_PATH, Seeded, with_token

Get = Callable[..., Any]
FINDINGS = "/api/v1/findings"


@pytest.fixture(autouse=True)
def recorded(seeded: Seeded, configure: Configure) -> None:
    """Two findings: of orders:new and of a stream with a hostile name."""
    configure(poison_deliveries=1, sample_every=0)


def by_stream(get: Get, **query: str) -> dict[str, Any]:
    return {item["stream_path"]: item for item in get(FINDINGS, **query)["items"]}


def mute(client: Client, id_: str, **body: Any) -> HttpResponse:
    sent = {"until": (timezone.now() + timedelta(hours=1)).isoformat(), "reason": "redeployed", **body}
    return client.post(f"{FINDINGS}/{id_}/mute", json.dumps(sent), content_type="application/json")


def test_an_id_stays_while_it_lasts(get: Get) -> None:
    first = by_stream(get)
    assert by_stream(get)["orders:new"]["id"] == first["orders:new"]["id"]
    assert UUID(first["orders:new"]["id"]) in Incident.objects.values_list("pk", flat=True)
    assert (first["orders:new"]["times"], first["orders:new"]["cleared_at"]) == (1, None)
    links.configure([links.get("default").config])
    assert by_stream(get)["orders:new"]["id"] == first["orders:new"]["id"]
    assert by_stream(get)["orders:new"]["since"] == first["orders:new"]["since"]


def test_what_is_not_recorded_has_no_id_and_says_why(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet().sampler(links.get("default")).incidents, "_rows", None)
    item = by_stream(get)["orders:new"]
    assert (item["id"], item["id_reason"]) == (None, "Not recorded: the database has not taken it yet.")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"keys": "orders:*"}, ["orders:new"]),
        ({"keys": "nothing*"}, []),
        ({"kind": "poison"}, ["orders:new", ANY_PATH]),
        ({"kind": "stuck"}, []),
        ({"severity": "stuck"}, ["orders:new", ANY_PATH]),
        ({"severity": "late"}, []),
        ({"muted": "false"}, ["orders:new", ANY_PATH]),
        ({"muted": "true"}, []),
    ],
)
def test_filters(query: dict[str, str], found: list[str], get: Get) -> None:
    assert sorted(by_stream(get, **query)) == sorted(found)


@pytest.mark.parametrize("query", [{"kind": "sad"}, {"severity": "bad"}, {"muted": "1"}, {"cleared_since": "soon"}])
def test_a_filter_that_cannot_be_is_named(query: dict[str, str], viewer: Client) -> None:
    answer = viewer.get(FINDINGS, query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["detail"]


def test_what_was_cleared(get: Get) -> None:
    ids = {path: item["id"] for path, item in by_stream(get).items()}
    now = timezone.now()
    Incident.objects.filter(pk=ids["orders:new"]).update(cleared_at=now - timedelta(hours=1), lasted_ms=90_000, times=2)
    Incident.objects.filter(pk=ids[ANY_PATH]).update(cleared_at=now - timedelta(hours=3), lasted_ms=5)
    found = get(FINDINGS, cleared_since="-24h")
    assert [item["id"] for item in found["items"]] == [ids["orders:new"], ids[ANY_PATH]]
    assert (found["complete"], found["next"]) == (True, None)
    item = found["items"][0]
    assert (item["severity"], item["kind"], item["lasted_ms"], item["times"]) == ("stuck", "poison", 90_000, 2)
    assert item["cleared_at"] == f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
    assert item["evidence"]["deliveries"] == 1
    assert [item["id"] for item in get(FINDINGS, cleared_since="-2h")["items"]] == [ids["orders:new"]]
    assert get(FINDINGS, cleared_since="-24h", keys="b*")["items"][0]["id"] == ids[ANY_PATH]
    assert get(FINDINGS, cleared_since="18446744073709551615-0")["items"] == []
    first = get(FINDINGS, cleared_since="-24h", limit=1)
    assert not first["complete"]
    assert get(FINDINGS, cleared_since="-24h", limit=1, cursor=first["next"])["items"][0]["id"] == ids[ANY_PATH]
    orders = with_token(keys=("orders:*",)).get(FINDINGS, {"cleared_since": "-24h"}).json()["items"]
    assert [item["id"] for item in orders] == [ids["orders:new"]]


def test_muting_and_its_end(get: Get, operator: Client) -> None:
    id_ = by_stream(get)["orders:new"]["id"]
    answer = mute(operator, id_).json()
    assert (answer["muted"], answer["mute"]["by"], answer["mute"]["reason"]) == (True, "olga", "redeployed")
    item = by_stream(get)["orders:new"]
    assert (item["muted"], item["mute"]) == (True, answer["mute"])
    assert [*by_stream(get, muted="true")] == ["orders:new"]
    assert [*by_stream(get, muted="false")] == [ANY_PATH]
    for _ in range(2):
        ended = operator.delete(f"{FINDINGS}/{id_}/mute")
        assert (ended.status_code, ended.json()) == (200, {"muted": False, "mute": None})
    assert by_stream(get, muted="true") == {}


def test_a_mute_ends_by_itself(get: Get, operator: Client) -> None:
    id_ = by_stream(get)["orders:new"]["id"]
    mute(operator, id_)
    Incident.objects.update(muted_until=timezone.now(), changed_at=timezone.now())
    fleet().sampler(links.get("default")).incidents._looked_at = 0
    get(FINDINGS)
    assert by_stream(get, muted="true") == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"until": "2001-01-01T00:00:00Z"}, "7 days at most"),
        ({"until": "2101-01-01T00:00:00Z"}, "7 days at most"),
        ({"until": "2026-01-01T00:00:00"}, "until"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"why": "x"}, "why"),
    ],
)
def test_a_mute_that_cannot_be(body: dict[str, str], said: str, get: Get, operator: Client) -> None:
    answer = mute(operator, by_stream(get)["orders:new"]["id"], **body)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert by_stream(get, muted="true") == {}


def test_who_may_not_mute(get: Get, viewer: Client) -> None:
    ids = {path: item["id"] for path, item in by_stream(get).items()}
    assert mute(viewer, ids["orders:new"]).status_code == 403
    elsewhere = with_token(role="operator", keys=("orders:*",))
    assert mute(elsewhere, ids[ANY_PATH]).status_code == 404
    assert mute(elsewhere, str(uuid4())).status_code == 404
    assert mute(elsewhere, ids["orders:new"]).status_code == 200
