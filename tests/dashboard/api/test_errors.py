"""What cannot be answered: always a problem, with the status a page would have."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from streams_admin.demo import embedded
from tests.conftest import Configure
from tests.dashboard.api.conftest import ORDERS, Seeded, with_token
from tests.servers import chosen

STREAMS = "/api/v1/servers/default/streams"


def refused(client: Client, path: str, **query: Any) -> tuple[int, str]:
    answer = client.get(path, query)
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return answer.status_code, body["detail"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/api/v1/servers/nowhere/streams", "nowhere"),
        ("/api/v1/servers/nowhere/streams/orders:new", "nowhere"),
        (f"{STREAMS}/not-there", "not-there"),
        (f"{STREAMS}/not-there/entries", "not-there"),
        (f"{STREAMS}/not-there/entries/1-1", "not-there"),
        (f"{STREAMS}/not-there/groups", "not-there"),
        (f"{STREAMS}/not-there/groups/workers/pending", "not-there"),
        (f"{ORDERS}/entries/1-1", "1-1"),
        (f"{ORDERS}/groups/nobody", "group"),
        (f"{ORDERS}/groups/nobody/consumers", "group"),
        (f"{ORDERS}/groups/nobody/pending", "group"),
        ("/api/v1/", "/api/v1/"),
        ("/api/v1/what", "/api/v1/what"),
        (f"{STREAMS}/a~2f", "a~2f"),
        (f"{STREAMS}/a~41", "a~41"),
        (f"{ORDERS}/entries/yesterday", "yesterday"),
        (f"{STREAMS}/a%0Ab/groups", "a\nb"),
        (f"{ORDERS}/entries/99999999999999999999-0", "99999999999999999999-0"),
    ],
)
def test_not_there(seeded: Seeded, viewer: Client, path: str, wanted: str) -> None:
    status, detail = refused(viewer, path)
    assert status == 404
    assert wanted in detail, "it says what was looked for"


@pytest.mark.parametrize("rest", ["", "/entries", "/entries/1-1", "/groups", "/groups/g", "/groups/g/pending"])
def test_a_key_of_another_type(seeded: Seeded, viewer: Client, rest: str) -> None:
    assert refused(viewer, f"{STREAMS}/orders:text{rest}")[0] == 409


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        (STREAMS, {"limit": "501"}, "limit"),
        (STREAMS, {"limit": "0"}, "limit"),
        (STREAMS, {"limit": "ten"}, "limit"),
        (STREAMS, {"sort": "colour"}, "sort"),
        (STREAMS, {"search": "x" * 201}, "search"),
        (f"{ORDERS}/entries", {"start": "soon"}, "start"),
        (f"{ORDERS}/entries", {"cursor": "12"}, "cursor"),
        (f"{ORDERS}/entries", {"order": "up"}, "order"),
        (f"{ORDERS}/entries", {"where": "nonsense"}, "where"),
        (f"{ORDERS}/groups/workers/pending", {"consumer": "a/b"}, "consumer"),
        (f"{ORDERS}/groups/workers/pending", {"min_idle_ms": "-1"}, "min_idle_ms"),
        (f"{ORDERS}/groups/workers/pending", {"min_deliveries": "1" * 30}, "min_deliveries"),
        ("/api/v1/findings", {"cursor": "12"}, "cursor"),
        ("/api/v1/findings", {"kind": "nonsense"}, "kind"),
        ("/api/v1/findings", {"severity": "red"}, "severity"),
    ],
)
def test_a_wrong_parameter_is_named(
    seeded: Seeded, viewer: Client, path: str, query: dict[str, str], named: str
) -> None:
    status, detail = refused(viewer, path, **query)
    assert (status, detail.partition(" ")[0].rstrip(":")) == (400, named)


def test_empty_parameters_are_not_given(seeded: Seeded, viewer: Client) -> None:
    """As API clients read them."""
    assert viewer.get(f"{STREAMS}?search=&sort=&limit=&cursor=").status_code == 200
    assert viewer.get(f"{ORDERS}/entries?start=&end=&order=&limit=&cursor=&where=").status_code == 200
    path = f"{ORDERS}/groups/workers/pending?consumer=&min_idle_ms=&min_deliveries=&limit=&cursor="
    assert viewer.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/servers",
        STREAMS,
        ORDERS,
        f"{ORDERS}/entries",
        f"{ORDERS}/entries/1-1",
        f"{ORDERS}/groups",
        "/api/v1/findings",
    ],
)
def test_an_unknown_parameter_is_not_ignored(seeded: Seeded, viewer: Client, anonymous: Client, path: str) -> None:
    status, detail = refused(viewer, path, colour="red")
    assert status == 422
    assert detail.startswith("'colour' is not a parameter of this address; allowed: ")
    assert refused(anonymous, path, colour="red")[0] == 401, "nothing is told to who is not signed in"


def test_it_says_which_parameters_there_are(seeded: Seeded, viewer: Client) -> None:
    allowed = "start, end, order, limit, cursor, where"
    assert refused(viewer, f"{ORDERS}/entries", from_="1-0")[1].endswith(f"allowed: {allowed}.")
    assert refused(viewer, "/api/v1/servers", limit="5")[1].endswith("allowed: none.")


@pytest.mark.parametrize("path", ["/api/v1/servers", "/api/v1/docs", "/api/v1/openapi.json", ORDERS])
def test_a_method_that_is_not_there(seeded: Seeded, path: str) -> None:
    token = with_token().defaults["HTTP_AUTHORIZATION"]
    answer = Client(enforce_csrf_checks=True).post(path, headers={"Authorization": token})
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/", "/api/v2/servers", "/api/openapi.json"])
def test_another_version_is_a_problem_too(viewer: Client, anonymous: Client, path: str) -> None:
    for client in (viewer, anonymous):
        assert refused(client, path) == (404, f"Nothing found at {path}.")
    assert viewer.get("/nothing/here/at/all")["Content-Type"].startswith("text/html")


def test_an_error_of_ours_tells_nothing(
    seeded: Seeded, viewer: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("dashboard.api.servers.freshen", fail)
    status, detail = refused(viewer, "/api/v1/servers")
    assert status == 500
    assert "hunter2" not in detail
    assert "hunter2" in caplog.text


LIVE = ["", "/entries", "/entries/1-1", "/groups", "/groups/g", "/groups/g/consumers", "/groups/g/pending"]


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Something accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
    links.configure([])


@pytest.mark.parametrize("rest", LIVE)
def test_a_silent_server_is_a_503_in_time(silent_url: str, viewer: Client, rest: str) -> None:
    links.configure([ServerConfig("default", silent_url)])
    began = time.monotonic()
    assert refused(viewer, f"{ORDERS}{rest}")[0] == 503
    assert time.monotonic() - began < 2.5


def test_lists_of_a_silent_server_are_empty_and_say_why(silent_url: str, viewer: Client) -> None:
    links.configure([ServerConfig("default", silent_url)])
    for path, kinds in ((STREAMS, []), ("/api/v1/findings", ["unreachable"])):
        began = time.monotonic()
        found = viewer.get(path).json()
        assert time.monotonic() - began < 2.5
        assert ([item["kind"] for item in found["items"]], found["complete"]) == (kinds, False)
        assert found["error"].startswith("default: ")
    (item,) = viewer.get("/api/v1/servers").json()["items"]
    assert (item["status"], item["flavour"], item["version"]) == ("down", None, None)
    assert item["error"]


def test_lists_of_a_server_that_went_down_are_those_of_the_last_look(viewer: Client, configure: Configure) -> None:
    configure(sample_every=0)
    with embedded.start(chosen()) as running:
        links.configure([ServerConfig("default", running.url)])
        with redis.Redis.from_url(running.url, protocol=2) as client:
            client.xadd("orders:new", {"order": 1})
        up = viewer.get(STREAMS).json()
    down = viewer.get(STREAMS).json()
    assert [item["name"] for item in up["items"]] == ["orders:new"]
    assert (up["complete"], "error" in up) == (True, False)
    assert (down["items"], down["as_of"], down["complete"]) == (up["items"], up["as_of"], False)
    assert "not running" in down["error"]
    links.configure([])
