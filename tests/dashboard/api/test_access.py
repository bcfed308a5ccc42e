"""Every route asks who is there: a session or a token, and what they may see."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.models import ApiToken
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from tests.conftest import Configure
from tests.dashboard.api.conftest import ANY_PATH, ORDERS, Seeded, with_token
from tests.people import person

ROUTES = (
    "/api/v1/openapi.json",
    "/api/v1/servers",
    "/api/v1/findings",
    "/api/v1/servers/default/streams",
    ORDERS,
    f"{ORDERS}/entries",
    f"{ORDERS}/entries/{{id}}",
    f"{ORDERS}/groups",
    f"{ORDERS}/groups/workers",
    f"{ORDERS}/groups/workers/consumers",
    f"{ORDERS}/groups/workers/pending",
)
STREAM_ROUTES = tuple(route for route in ROUTES if route.startswith(ORDERS))


@pytest.mark.parametrize("route", ROUTES)
def test_a_viewer_and_a_token_get_an_answer(route: str, seeded: Seeded, viewer: Client) -> None:
    path = route.format(id=seeded.ids[0])
    by_session, by_token = viewer.get(path), with_token().get(path)
    assert (by_session.status_code, by_token.status_code) == (200, 200)
    assert by_session["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("route", [*ROUTES, "/api/v1/", "/api/v1/nothing"])
def test_others_get_a_problem(route: str, seeded: Seeded, stranger: Client, anonymous: Client) -> None:
    path = route.format(id=seeded.ids[0])
    for client, status in ((stranger, 403), (anonymous, 401)):
        answer = client.get(path)
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert anonymous.get(path)["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("route", STREAM_ROUTES)
def test_a_narrowed_token_sees_its_keys_only(route: str, seeded: Seeded, orders_only: Client) -> None:
    path = route.format(id=seeded.ids[0])
    assert orders_only.get(path).status_code == 200
    assert orders_only.get(path.replace("orders:new", ANY_PATH)).status_code == 403
    assert orders_only.get(path.replace("orders:new", "not-there")).status_code == 403, "what exists is not told"


def test_a_narrowed_token_gets_narrowed_lists(seeded: Seeded, orders_only: Client) -> None:
    found = orders_only.get("/api/v1/servers/default/streams").json()
    assert [item["name"] for item in found["items"]] == ["orders:new"]
    assert found["next"] is None


def test_findings_are_narrowed_too(seeded: Seeded, configure: Configure, viewer: Client) -> None:
    configure(poison_deliveries=1)
    everything = viewer.get("/api/v1/findings").json()["items"]
    narrowed = with_token(keys=("orders:*",)).get("/api/v1/findings").json()["items"]
    assert {item["stream_path"] for item in everything} == {"orders:new", ANY_PATH}
    assert {item["stream_path"] for item in narrowed} == {"orders:new"}


def test_a_token_for_another_server_sees_nothing_here(seeded: Seeded) -> None:
    client = with_token(server="elsewhere")
    assert client.get("/api/v1/servers").json()["items"] == []
    assert client.get("/api/v1/servers/default/streams").status_code == 404
    assert client.get("/api/v1/findings", {"server": "default"}).status_code == 404


@pytest.mark.parametrize("change", ["unknown", "revoked", "expired"])
def test_a_token_that_is_not_valid_is_refused_whatever_session_there_is(
    change: str, seeded: Seeded, viewer: Client
) -> None:
    client = with_token()
    assert client.get("/api/v1/servers").status_code == 200
    now = timezone.now()
    changes: dict[str, dict[str, Any]] = {
        "unknown": {"digest": "0" * 64},
        "revoked": {"revoked": now},
        "expired": {"expires": now},
    }
    ApiToken.objects.update(**changes[change])
    header = client.defaults["HTTP_AUTHORIZATION"]
    assert client.get("/api/v1/servers").status_code == 401
    assert viewer.get("/api/v1/servers", headers={"Authorization": header}).status_code == 401


def test_a_session_needs_its_csrf_token_to_change_something_and_a_token_does_not(seeded: Seeded) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person("vera", "viewer"))
    assert browser.get("/api/v1/servers").status_code == 200
    refused = browser.post("/api/v1/nothing")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    header = with_token().defaults["HTTP_AUTHORIZATION"]
    accepted = Client(enforce_csrf_checks=True).post("/api/v1/nothing", headers={"Authorization": header})
    assert accepted.status_code == 404


def test_keys_that_nobody_looks_at_are_not_there(seeded: Seeded, redis_url: str, admin: Client) -> None:
    links.configure([ServerConfig("default", redis_url, keys=("user:*",))])
    assert admin.get("/api/v1/servers/default/streams").json()["items"] == []
    answer = admin.get(ORDERS)
    assert answer.status_code == 404
    assert "orders:new" in answer.json()["detail"]
