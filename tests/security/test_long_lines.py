"""What is too long for the server to read is refused with an answer, through the real server."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http.client import HTTPConnection

import pytest

from tests.serving import Serve, get, wait_until_it_answers

LIMIT = 16_384


def answer(port: int, sent: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        found = b""
        while part := client.recv(65_536):
            found += part
    return found.decode()


def line(length: int) -> bytes:
    """A request line of that many bytes."""
    start, end = b"GET /healthz?", b" HTTP/1.1"
    return start + b"x" * (length - len(start) - len(end)) + end


@pytest.fixture
def running(serve: Serve, port: int) -> int:
    wait_until_it_answers(serve(), port)
    return port


def test_long_lines_are_answered(running: int) -> None:
    for sent in (line(LIMIT + 1) + b"\r\n\r\n", line(1_000_000) + b"\r\n\r\n", b"GET /" + b"x" * 100_000):
        head, _, body = answer(running, sent).partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 414 URI Too Long\r\n")
        assert body == "The address of this request is too long. At most 16,384 bytes are read.\n"
        assert "Content-Security-Policy: default-src 'none'" in head
    header = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * LIMIT + b"\r\n\r\n"
    assert answer(running, header).startswith("HTTP/1.1 431 ")
    assert get(running, "/healthz").status == 200


def test_headers_that_are_too_long_together_are_answered(running: int) -> None:
    many = b"".join(b"X-Header-%d: " % n + b"x" * 2000 + b"\r\n" for n in range(12))
    head, _, body = answer(running, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n").partition(
        "\r\n\r\n"
    )
    assert head.startswith("HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert body == "The headers of this request are too long together. At most 16,384 bytes are read.\n"
    assert get(running, "/healthz").status == 200


def test_a_header_that_drips_is_given_up_in_time(serve: Serve, port: int) -> None:
    wait_until_it_answers(serve(HEADER_WITHIN="1"), port)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
        assert silent.recv(1000).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    with socket.create_connection(("127.0.0.1", port), timeout=0.2) as dripping:
        dripping.sendall(b"GET /healthz HTTP/1.1\r\n")
        found = b""
        while not found and time.monotonic() < began + 20:
            dripping.sendall(b"x")
            with suppress(TimeoutError):
                found = dripping.recv(1000)
    assert found.endswith(b"The header did not come within 1 s.\n")
    assert time.monotonic() - began < 20
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    for wait in (0, 2):  # a connection that is kept alive may be idle for longer
        time.sleep(wait)
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        assert connection.getresponse().read() is not None


def test_what_fits_is_served_and_a_second_request_is_counted_anew(running: int) -> None:
    host = b"\r\nHost: localhost\r\n"
    first = b"GET /healthz?" + b"x" * 16_000 + b" HTTP/1.1" + host + b"\r\n"
    assert answer(running, first + first.replace(host, host + b"Connection: close\r\n")).count("HTTP/1.1 200 OK") == 2
    assert [part[:3] for part in answer(running, first + line(LIMIT + 1) + b"\r\n").split("HTTP/1.1 ")[1:]] == [
        "200",
        "414",
    ]
