"""A stranger's upload is read, not kept."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest

from dashboard.http.body_limit import BODY_BYTES
from tests.browser.site import Site

MEGABYTE = b"x" * 2**20
SENT = 150


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def peak_megabytes(site: Site) -> int:
    assert site.process is not None
    with open(f"/proc/{site.process.pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def send(site: Site, how: bytes, parts: list[bytes]) -> socket.socket:
    head = b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + how + b"\r\n\r\n"
    sending = socket.create_connection(("127.0.0.1", site.port), timeout=20)
    for part in (head, *parts):
        sending.sendall(part)
    return sending


def test_an_announced_body_that_is_too_large_is_refused_and_not_kept(site: Site) -> None:
    before = peak_megabytes(site)
    with send(site, b"Content-Length: %d" % (SENT * 2**20), [MEGABYTE] * SENT) as sent:
        assert sent.recv(100).startswith(b"HTTP/1.1 413 ")
    assert peak_megabytes(site) - before < 40


CHUNK = b"100000\r\n" + MEGABYTE + b"\r\n"
SMALL = b"10\r\n" + b"x" * 16 + b"\r\n"


@pytest.mark.parametrize("parts", [[CHUNK] * SENT, [CHUNK, b"1\r\nx\r\n"], [SMALL * 4096] * 17], ids=len)
def test_a_body_in_chunks_that_is_too_large_is_refused_and_not_kept(site: Site, parts: list[bytes]) -> None:
    before = peak_megabytes(site)
    with send(site, b"Transfer-Encoding: chunked", [*parts, b"0\r\n\r\n"]) as sent:
        assert sent.recv(100).startswith(b"HTTP/1.1 413 ")
    assert peak_megabytes(site) - before < 40
    assert site.ready()


def test_what_is_allowed_arrives_whole_in_chunks(site: Site) -> None:
    with send(site, b"Transfer-Encoding: chunked", [CHUNK, b"0\r\n\r\n"]) as sent:
        assert sent.recv(100).startswith(b"HTTP/1.1 403 ")  # read, and without a CSRF token


def test_what_is_allowed_arrives_whole(site: Site) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    asking.request("POST", "/sign-in/", b"x" * BODY_BYTES, {"Content-Type": "application/octet-stream"})
    assert asking.getresponse().status == 403  # read, and without a CSRF token
