"""`demo --check`: a new user's first minute, without a browser: sign in, see the page, be live over a WebSocket."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

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
        raise Failed("the home page did not load after signing in")
    stream = _wait_for_stream(browser, address)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    _live(address, cookies, stream)
    return ["signed in by link", "home page", "list of streams", f"live entries of {stream} over a WebSocket"]


def _get(browser: urllib.request.OpenerDirector, url: str) -> str:
    with browser.open(url, timeout=10) as answer:
        return str(answer.read().decode())


def _wait_for_stream(browser: urllib.request.OpenerDirector, address: str) -> str:
    """The path name of a stream, from the API: a page has links to other things too."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        items = json.loads(_get(browser, f"{address}/api/v1/servers/default/streams?sort=-length&limit=1"))["items"]
        if items:
            return str(items[0]["path"])
        time.sleep(0.5)
    raise Failed("no stream in the list of streams")


def _live(address: str, cookies: str, stream: str) -> None:
    """Watch a stream until a frame with entries comes. Raises Failed."""
    try:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect
        from websockets.typing import Origin
    except ImportError as error:
        raise Failed("it needs the package websockets: install streamgauge[demo]") from error
    watch = {"type": "watch", "id": "check", "topic": "entries", "server": "default", "stream": stream, "after": "$"}
    url = f"{address.replace('http', 'ws', 1)}/ws/v1/live/"
    headers = {"Cookie": cookies}
    try:
        with connect(url, origin=Origin(address), additional_headers=headers, proxy=None) as connection:
            connection.send(json.dumps(watch))
            _wait_for_entries(connection)
    except WebSocketException as error:
        raise Failed(f"the WebSocket failed ({error})") from error


def _wait_for_entries(connection: ClientConnection) -> None:
    deadline = time.monotonic() + WITHIN
    while (left := deadline - time.monotonic()) > 0:
        try:
            kind = json.loads(connection.recv(left)).get("type")
        except TimeoutError:
            break
        if kind == "entries":
            return
        if kind == "error":
            raise Failed("the socket refused to watch a stream")
    raise Failed("no entry came over the socket")
