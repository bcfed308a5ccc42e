"""Clients of the streams of events for tests: on the application as it is served, and over HTTP on a site that runs."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from asgiref.testing import ApplicationCommunicator

from dashboard.asgi import application
from tests.dashboard.live.served import Site
from tests.dashboard.live.sockets import HOST, Frame

PATH = "/api/v1/live"
Query = dict[str, object] | Sequence[tuple[str, object]]
Headers = list[tuple[bytes, bytes]]


class Events(ApplicationCommunicator):
    """One request. `last_event_id` is what a browser would send when it comes back."""

    def __init__(self, query: Query, headers: Headers, scope: dict[str, Any] | None = None) -> None:
        text = urlencode(query, doseq=True).encode()
        address = {"method": "GET", "path": PATH, "query_string": text, "headers": headers, "http_version": "1.1"}
        super().__init__(application, {"type": "http", **address, **(scope or {})})
        self.last_event_id = ""
        self._events: list[str] = []

    async def begin(self) -> int:
        """The status; with another than 200 there are no events."""
        await self.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await self.receive_output(5)
        self.head = {name.decode(): value.decode() for name, value in start["headers"]}
        return int(start["status"])

    async def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.receive_output(3))["body"])
        return found

    async def next(self, kind: str | None = None, within: float = 3.0) -> Frame:
        """The next frame, or the next of a kind. Raises EOFError at the end."""
        deadline = time.monotonic() + within
        while True:
            while not self._events:
                await self._receive(max(0.01, deadline - time.monotonic()))
            frame = self._frame(self._events.pop(0))
            if frame and kind in (None, frame["type"]):
                return frame

    async def closed(self, within: float = 5.0) -> int:
        """The code it is ended with; frames before it are passed over, and nothing comes after it."""
        code = int((await self.next("close", within))["code"])
        try:
            await self.next(within=within)
        except EOFError:
            return code
        raise AssertionError("something came after the last frame")

    async def _receive(self, within: float) -> None:
        message = await self.receive_output(within)
        self._events += [event for event in message["body"].decode().split("\n\n") if event]
        if not message.get("more_body"):
            raise EOFError

    def _frame(self, event: str) -> Frame | None:
        lines = dict(line.split(": ", 1) for line in event.split("\n"))
        self.last_event_id = lines.get("id", self.last_event_id)
        found: Frame | None = json.loads(lines["data"]) if "data" in lines and "event" not in lines else None
        return found


@asynccontextmanager
async def streamed(query: Query, headers: Headers, scope: dict[str, Any] | None = None) -> AsyncIterator[Events]:
    events = Events(query, headers, scope)
    assert await events.begin() == 200
    try:
        yield events
    finally:
        await events.send_input({"type": "http.disconnect"})
        await asyncio.wait_for(events.wait(3), 4)


def bearer(secret: str) -> Headers:
    return [(b"host", HOST.encode()), (b"authorization", f"Bearer {secret}".encode())]


def entries(stream: str = "orders", **more: object) -> dict[str, object]:
    return {"topic": "entries", "server": "default", "stream": stream, **more}


class Reader:
    """Reads events from an answer over HTTP, as bytes come."""

    def __init__(self, answer: HTTPResponse) -> None:
        self._answer = answer
        self.last_event_id = ""

    def __iter__(self) -> Iterator[Frame]:
        while line := self._answer.readline():
            name, _, text = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                self.last_event_id = text
            elif name == "data" and text != "{}":
                yield json.loads(text)

    def until(self, last: dict[str, str]) -> list[Frame]:
        """Frames of entries until each watch has come to its last ID."""
        got: list[Frame] = []
        reached: dict[str, str] = {}
        for frame in self:
            if frame["type"] == "entries":
                got.append(frame)
                reached[frame["id"]] = frame["last_id"]
            if reached == last:
                return got
        raise AssertionError(f"it ended at {reached}")


@contextmanager
def reading(site: Site, query: Query, last_event_id: str = "", buffer: int = 0) -> Iterator[Reader]:
    """`buffer`: bytes that the system takes for a reader who does not read."""
    connection = HTTPConnection("127.0.0.1", site.port, timeout=20)
    if buffer:
        connection.sock = socket.socket()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.sock.settimeout(20)
        connection.sock.connect(("127.0.0.1", site.port))
    headers = {"Authorization": f"Bearer {site.token}"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    connection.request("GET", f"{PATH}?{urlencode(query, doseq=True)}", headers=headers)
    try:
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        yield Reader(answer)
    finally:
        connection.close()
