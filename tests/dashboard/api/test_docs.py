"""The API describes itself: for machines as OpenAPI, for people as a page without a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.dashboard.api.conftest import Seeded
from tests.dashboard.api.test_access import STREAM_ROUTES

STREAM = "/api/v1/servers/{server}/streams/{stream}"


@pytest.fixture
def schema(seeded: Seeded, viewer: Client) -> dict[str, Any]:
    found: dict[str, Any] = viewer.get("/api/v1/openapi.json").json()
    return found


def test_every_read_is_described(schema: dict[str, Any]) -> None:
    reads = {path for path, methods in schema["paths"].items() if "get" in methods}
    assert reads >= {
        "/api/v1/servers",
        "/api/v1/servers/{server}/streams",
        STREAM,
        f"{STREAM}/entries",
        f"{STREAM}/entries/{{entry}}",
        f"{STREAM}/groups",
        f"{STREAM}/groups/{{group}}",
        f"{STREAM}/groups/{{group}}/consumers",
        f"{STREAM}/groups/{{group}}/pending",
        "/api/v1/findings",
    }
    assert schema["info"]["title"] == "Streamgauge"
    assert len(reads) > len(STREAM_ROUTES)


def test_parameters_are_described(schema: dict[str, Any]) -> None:
    given = {each["name"]: each for each in schema["paths"][f"{STREAM}/entries"]["get"]["parameters"]}
    assert {name for name, each in given.items() if each["in"] == "query"} == {
        "start",
        "end",
        "order",
        "limit",
        "cursor",
        "where",
    }
    assert given["stream"]["schema"]["type"] == "string"


def test_the_page_lists_the_operations_and_obeys_the_policy(seeded: Seeded, viewer: Client) -> None:
    answer = viewer.get("/api/v1/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert f"GET {STREAM}/entries" in page
    assert reverse("api:openapi") in page
    assert "min_deliveries" in page
    assert "swagger" not in page.lower()
    assert "style=" not in page
    assert page.count("<script") == page.count("<script src=")


def test_the_page_is_for_those_who_may_see_something(seeded: Seeded, anonymous: Client, stranger: Client) -> None:
    assert anonymous.get("/api/v1/docs").headers["Location"].startswith(reverse("login"))
    assert stranger.get("/api/v1/docs").status_code == 403
