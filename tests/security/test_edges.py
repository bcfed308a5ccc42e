"""The edges of the served API and of the server in front of it, as a program that makes a mistake meets them."""

from __future__ import annotations

import http.client
import json
import resource
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pytest

from tests.browser.site import Site, wait_until
from tests.serving import Serve, get, wait_until_it_answers

SECOND = 1_763_596_680
PROBLEM = "application/problem+json"


@dataclass
class Door:
    """The served site, and a token of a viewer."""

    site: Site
    token: str

    def ask(self, method: str, path: str, host: str = "localhost", **more: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=20)
        headers = {"Host": host, "Authorization": f"Bearer {self.token}", "Connection": "close", **more}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        self.body = answer.read()
        return answer

    def refused(self, method: str, path: str, host: str = "localhost", **more: str) -> tuple[int, str]:
        """Status and detail of a problem."""
        answer = self.ask(method, path, host, **more)
        assert answer.headers["Content-Type"] == PROBLEM, (answer.status, self.body)
        found = json.loads(self.body)
        assert found["status"] == answer.status
        return answer.status, found["detail"]


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with Site() as site:
        for number in range(3):
            site.client.xadd("counted", {"n": number}, id=f"{number + 1}-0")
            site.client.xadd("seconds", {"n": number}, id=f"{SECOND + number}-0")
            site.client.xadd("usual", {"n": number}, id=f"{SECOND + number}000-0")
        yield Door(site, site.manage("create_token", "--name", "t", "--role", "viewer"))


def test_a_time_is_refused_where_ids_are_no_times(door: Door) -> None:
    entries = "/api/v1/servers/default/streams/{}/entries?{}"
    assert door.refused("GET", entries.format("counted", "start=-2h")) == (
        400,
        "start: IDs of counted are not times (1-0), so the age of its entries is unknown. "
        "Give an ID instead of a time.",
    )
    for name in ("start", "end"):
        status, detail = door.refused("GET", entries.format("seconds", f"{name}=2025-11-19T23:58:01%2B00:00"))
        assert (status, detail) == (
            400,
            f"{name}: IDs of seconds count seconds, not milliseconds ({SECOND}-0). "
            f"Give an ID instead of a time: {SECOND + 1} is that time.",
        )
    door.ask("GET", entries.format("seconds", f"start={SECOND + 1}"))
    assert [item["id"] for item in json.loads(door.body)["items"]] == [f"{SECOND + 1}-0", f"{SECOND + 2}-0"]
    door.ask("GET", entries.format("usual", "start=2025-11-19T23:58:01%2B00:00"))
    assert [item["id"] for item in json.loads(door.body)["items"]] == [f"{SECOND + 1}000-0", f"{SECOND + 2}000-0"]


def test_a_wrong_host_is_a_problem_for_programs_and_a_page_for_people(door: Door) -> None:
    said = "This site does not answer to the host 'evil.example': ALLOWED_HOSTS does not name it."
    assert door.refused("GET", "/api/v1/servers", host="evil.example") == (400, said)
    answer = door.ask("GET", "/", host="evil.example")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert b"ALLOWED_HOSTS" in door.body


def test_what_another_site_sends_is_a_problem_too(door: Door) -> None:
    site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    blocked = "This request came from another site (https://evil.example) and was blocked."
    assert door.refused("POST", "/api/v1/plans", **site) == (403, blocked)
    assert door.ask("POST", "/sign-in/", **site).headers["Content-Type"] == "text/plain"
    assert door.body.decode() == f"{blocked}\n"


def test_a_body_that_is_too_large_is_a_problem_too(door: Door) -> None:
    large = {"Content-Length": str(2**20 + 1)}
    connection = http.client.HTTPConnection("127.0.0.1", door.site.port, timeout=20)
    connection.request("POST", "/api/v1/plans", b"x" * (2**20 + 1), {"Host": "localhost", **large})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (413, PROBLEM)
    assert json.loads(answer.read())["detail"] == "The request is larger than 1 MiB and was refused."


def test_head_is_answered_as_get_without_the_body(door: Door) -> None:
    for path in ("/api/v1/servers", "/api/v1/servers/default/streams/usual", "/api/v1/openapi.json"):
        answer = door.ask("HEAD", path)
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0], door.body) == (
            200,
            "application/json",
            b"",
        )
    for path in ("/api/v1/nothing", "/api/v1/servers/default/streams/nothing"):
        answer = door.ask("HEAD", path)
        assert (answer.status, answer.headers["Content-Type"], door.body) == (404, PROBLEM, b"")


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/api/v1/servers", "GET, HEAD"), ("/api/v1/plans", "POST"), ("/api/v1/openapi.json", "GET, HEAD")],
)
def test_another_method_is_told_which_are_allowed(door: Door, path: str, allow: str) -> None:
    for method in ("DELETE", "OPTIONS", "BREW"):
        answer = door.ask(method, path)
        assert (answer.status, answer.headers["Allow"], answer.headers["Content-Type"]) == (405, allow, PROBLEM)
        assert json.loads(door.body)["detail"] == f"Allowed is {allow}."
    if allow == "POST":
        assert door.ask("HEAD", path).status == 405


def test_at_an_address_that_is_not_there_every_method_is_the_same(door: Door) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"):
        assert door.refused(method, "/api/v1/nothing") == (404, "Nothing found at /api/v1/nothing.")
    assert door.refused("BREW", "/api/v1/nothing", Authorization="")[0] == 401


# Before Django -------------------------------------------------------------------------------------------------------


def answered(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_too_many_header_lines_are_named(door: Door) -> None:
    def with_lines(number: int) -> bytes:
        return (
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + b"x: 1\r\n" * (number - 2) + b"\r\n"
        )

    assert answered(door.site.port, with_lines(500)).startswith(b"HTTP/1.1 200 ")
    head, _, body = answered(door.site.port, with_lines(501)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert body == b"The request has more than 500 header lines.\n"


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon here\r\n\r\n"])
def test_what_is_no_http_is_said_to_be_none(door: Door, sent: bytes) -> None:
    head, _, body = answered(door.site.port, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert body == b"The request is not valid HTTP.\n"


OPENED, KEPT = 300, 40


@pytest.fixture
def small(serve: Serve, port: int) -> int:
    """A site that keeps KEPT idle connections, and may have fewer descriptors than are opened."""
    process = serve(IDLE_CONNECTIONS=str(KEPT), HEADER_WITHIN="300")
    wait_until_it_answers(process, port)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (OPENED - 100, OPENED - 100))
    return port


def closed(connections: list[socket.socket]) -> dict[int, bytes]:
    """Of those that were closed, by their number, what they got before."""
    found = {}
    for number, each in enumerate(connections):
        with suppress(BlockingIOError):
            if each.fileno() >= 0:
                each.setblocking(False)
                each.recv(1, socket.MSG_PEEK)
                each.settimeout(10)
                found[number] = b"".join(iter(partial(each.recv, 65_536), b""))
                each.close()
    return found


@pytest.mark.parametrize(
    "first", [b"", b"GET /healthz HTTP/1.1\r\nHost: loc", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"]
)
def test_idle_connections_make_room_for_whoever_has_something_to_ask(small: int, first: bytes) -> None:
    """Nothing, a part of a header, a header without its body: the ones that have waited longest are closed."""
    connections = []
    try:
        for number in range(OPENED):
            connections.append(socket.create_connection(("127.0.0.1", small), timeout=10))
            connections[-1].sendall(first)
            if number % 20 == 19:
                assert get(small, "/healthz").status == 200, "and what was sent before it has been read"
        got: dict[int, bytes] = {}
        gone = OPENED - KEPT + 1  # the one that has asked last waited for a moment too
        wait_until(lambda: got.update(closed(connections)) or len(got) >= gone, 10, "the others are closed")
        assert sorted(got) == list(range(gone)), "who has waited longest goes first"
        assert {answer[:13] for answer in got.values()} == ({b"HTTP/1.1 503 "} if first else {b""})
    finally:
        for each in connections:
            each.close()


def test_a_request_that_is_being_served_is_not_idle(door: Door) -> None:
    """Kept alive, it is served again and again; only what waits makes room."""
    connection = http.client.HTTPConnection("127.0.0.1", door.site.port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        assert connection.getresponse().read() == b"ok\n"
