"""Half characters and zero bytes are answered with a problem, through the served site: never a 500, no traceback."""

from __future__ import annotations

import json
import socket

import pytest

from tests.clients.conftest import Site

CLAIM = {"group": "readers", "filter": {"consumer": "reader-1"}, "to": "reader-2"}
ORDER = {"server": "default", "stream": "orders", "action": "claim", "params": CLAIM}
HALF = "\ud800"


def send(site: Site, head: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, str, bytes]:
    """Status, content type and body of the answer to a request as its bytes are."""
    lines = [
        f"{head} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {site.tokens['operator']}",
        "Connection: close",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as sending:
        sending.sendall("\r\n".join(lines).encode("latin-1") + body)
        found = b"".join(iter(lambda: sending.recv(65_536), b""))
    first, _, rest = found.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in first.decode("latin-1").split("\r\n")[1:])
    return int(first.split()[1]), headers.get("content-type", ""), rest


def refused(site: Site, path: str, body: bytes) -> str:
    """Why it is refused with 400."""
    status, kind, found = send(site, f"POST /api/v1{path}", body)
    assert (status, kind) == (400, "application/problem+json"), found
    detail: str = json.loads(found)["detail"]
    return detail


@pytest.mark.parametrize(
    ("order", "where"),
    [
        ({**ORDER, "server": HALF}, "server"),
        ({**ORDER, "stream": HALF}, "stream"),
        ({**ORDER, "action": HALF}, "action"),
        ({**ORDER, "params": {**CLAIM, "to": HALF}}, "to"),
        ({**ORDER, "params": {**CLAIM, "ids": ["1-0", HALF]}}, "ids"),
        ({**ORDER, "params": {**CLAIM, HALF: 1}}, "a name in params"),
        ({**ORDER, HALF: 1}, "a name in body"),
    ],
)
def test_half_a_character_is_refused_wherever_it_stands(site: Site, order: dict[str, object], where: str) -> None:
    said = rf"{where} is '\ud800', with half a character (a lone surrogate)."
    assert refused(site, "/plans", json.dumps(order).encode()) == said
    assert refused(site, "/plans", json.dumps(order, ensure_ascii=False).encode("utf-8", "surrogatepass")) == said
    assert refused(site, "/plans/none/run", json.dumps({"reason": HALF}).encode()).startswith("reason is ")


def test_whole_characters_are_taken_however_they_are_written(site: Site) -> None:
    order = {**ORDER, "params": {**CLAIM, "to": "worker-\U0001f600"}}
    for body in (json.dumps(order), json.dumps(order, ensure_ascii=False)):
        status, _, found = send(site, "POST /api/v1/plans", body.encode())
        assert status == 201, found


def test_a_zero_byte_is_refused_where_the_database_would_keep_it(site: Site) -> None:
    for name in ("reason", "confirm"):
        said = refused(site, "/plans/none/run", json.dumps({name: "a\0b"}).encode())
        assert said == rf"{name}: has a zero byte (\u0000), which is not allowed here."
    status, _, found = send(site, "GET /api/v1/audit?who=%00")
    assert (status, json.loads(found)["status"]) in ((400, 400), (403, 403))


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"nothing"])
def test_what_is_no_json_says_why(site: Site, body: bytes) -> None:
    assert refused(site, "/plans", body).startswith("The body is not valid JSON: ")


@pytest.mark.parametrize("odd", ["%ED%A0%80", "%00", "%FF%FE", "a%0Db", "%ED%A0%80%00?x=%ED%A0%80"])
@pytest.mark.parametrize("path", ["/api/v1/servers/{}/streams", "/s/{}/", "/api/v1/plans/{}/entries.jsonl", "/{}"])
def test_odd_addresses_are_no_error_of_ours(site: Site, path: str, odd: str) -> None:
    status, kind, _ = send(site, f"GET {path.format(odd)}")
    assert 300 <= status < 500
    assert ("problem+json" in kind) or not path.startswith("/api")


def test_an_address_that_is_not_ascii_is_a_bad_request(site: Site) -> None:
    assert send(site, "GET /api/v1/servers/\xff/streams")[0] == 400
    assert send(site, "GET /api/v1/servers?x=\xff")[0] == 400


@pytest.mark.parametrize("odd", ["%ED%A0%80", "%00", "%FF"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/servers/default/streams?search={}",
        "/api/v1/servers/default/streams/orders/entries?where=state={}",
        "/api/v1/findings?cursor={}",
        "/api/v1/audit?who={}",
        "/sign-in/?next={}",
    ],
)
def test_odd_parameters_are_no_error_of_ours(site: Site, path: str, odd: str) -> None:
    assert send(site, f"GET {path.format(odd)}")[0] < 500
