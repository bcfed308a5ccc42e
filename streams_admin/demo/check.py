"""`demo --check`: a new user's first minute, without a browser: sign in, see the page, be live over a WebSocket."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import struct
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

WITHIN = 30.0


class Failed(Exception):
    """What did not work."""


def check(address: str, link: str) -> list[str]:
    """What was verified, a line each. Raises Failed."""
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = _get(browser, link)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if not token:
        raise Failed("the sign-in page has no form")
    form = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1]}).encode()
    home = browser.open(urllib.request.Request(link, form, {"Origin": address}), timeout=10).read().decode()
    if "data-watch" not in home:
        raise Failed("the home page does not show after signing in")
    stream = _wait_for_stream(browser, address)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    _live(address, cookies, stream)
    return ["signed in by link", "home page", "streams page", f"live entries of {stream} over a WebSocket"]


def _get(browser: urllib.request.OpenerDirector, url: str) -> str:
    with browser.open(url, timeout=10) as answer:
        return str(answer.read().decode())


def _wait_for_stream(browser: urllib.request.OpenerDirector, address: str) -> str:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        found = re.findall(r'href="/s/default/([^"/]+)/"', _get(browser, f"{address}/s/default/?flat=1"))
        if found:
            return str(found[0])
        time.sleep(0.5)
    raise Failed("no stream shows on the streams page")


def _live(address: str, cookies: str, stream: str) -> None:
    """Watch the entries of a stream; a frame with entries, or at least the confirmation, must come."""
    host, port = urllib.parse.urlsplit(address).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        _upgrade(connection, address, cookies)
        watch = {
            "type": "watch",
            "id": "check",
            "topic": "entries",
            "server": "default",
            "stream": stream,
            "after": "$",
        }
        _send(connection, watch)
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            kind = _receive(connection).get("type")
            if kind == "entries":
                return
            if kind == "error":
                raise Failed("the socket refused to watch a stream")
    raise Failed("no entry came over the socket")


def _upgrade(connection: socket.socket, address: str, cookies: str) -> None:
    lines = [
        "GET /ws/v1/live/ HTTP/1.1",
        f"Host: {urllib.parse.urlsplit(address).netloc}",
        f"Origin: {address}",
        f"Cookie: {cookies}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(1)
        if not part:
            break
        head += part
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        raise Failed("the WebSocket was refused")


def _send(connection: socket.socket, frame: dict[str, Any]) -> None:
    """One masked text frame (RFC 6455, 5.2)."""
    payload, mask = json.dumps(frame).encode(), os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    connection.sendall(b"\x81" + length + mask + masked)


def _receive(connection: socket.socket) -> dict[str, Any]:
    """The next text frame; pings and the like are {}."""
    head = _exactly(connection, 2)
    length = head[1] & 0x7F
    if length == 126:
        length = struct.unpack("!H", _exactly(connection, 2))[0]
    elif length == 127:
        length = struct.unpack("!Q", _exactly(connection, 8))[0]
    payload = _exactly(connection, length)
    return dict(json.loads(payload)) if head[0] & 0x0F == 1 else {}


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(count - len(found))
        if not part:
            raise Failed("the socket was closed")
        found += part
    return found
