"""`GET /api/v1/live`: the frames of the WebSocket as server-sent events, where WebSockets are blocked.

An ASGI application before Django: an answer that goes on for hours takes no thread, and no part of the way of a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from dashboard import background
from dashboard.accounts.principals import ANONYMOUS
from dashboard.http import problems
from dashboard.http.answers import MEDIA_TYPE
from dashboard.http.middleware import CSP
from dashboard.live.admission.connection_limit import ConnectionLimitReached
from dashboard.live.connections.connection import ABORT_AFTER, Connection
from dashboard.live.connections.event_request import EventRequest, Refused
from dashboard.live.encoding import ProtocolError
from dashboard.live.framing import Frame
from dashboard.live.sending.event_outlet import EventOutlet
from dashboard.live.sending.outlet import PROTOCOL_IN_SCOPE
from dashboard.live.sending.positions import Positions, place_of
from dashboard.live.subscription import Key

PATH = "/api/v1/live"
PING_EVERY = 10.0
"""Seconds between signs of life. Proxies end a connection that is silent for a minute."""
SAFE = [
    (b"cache-control", b"no-store, no-transform"),
    (b"content-security-policy", CSP.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
HEAD = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"), *SAFE]
"""`x-accel-buffering`: nginx passes on each event at once."""
STATUSES = {"forbidden": 403, "busy": 429}
"""Of the problem that answers a request none of whose watches can be had; 400 for all other codes."""

Send = Callable[[Any], Awaitable[None]]


class LiveEvents:
    """ASGI: streams of events at `path`, everything else by `application`."""

    def __init__(self, application: Any, path: str) -> None:
        self.application, self.path = application, path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != self.path or scope["method"] != "GET":
            await self.application(scope, receive, send)
            return
        try:
            await EventStream(scope, receive, send).run()
        except Refused as refused:
            await _answer(send, refused)


class EventStream:
    """One viewer. Raises Refused as long as nothing was sent."""

    def __init__(self, scope: Any, receive: Any, send: Send) -> None:
        self._request, self._receive, self._send = EventRequest(scope), receive, send
        self._protocol = scope.get(PROTOCOL_IN_SCOPE)
        self._closed = asyncio.Event()

    async def run(self) -> None:
        if background.stopping():
            raise Refused(503, "Restarting", "The site is restarting. Try again in a moment.")
        self._request.check_origin()
        frames = self._request.watches()
        positions = Positions(frames)
        self._connection = Connection(lambda resumed: self._made(positions, resumed), self._close)
        try:
            await self._sign_in()
            errors = self._watch(frames)
            await self._serve(errors)
        finally:
            self._outlet.close()
            self._connection.end()

    def _made(self, positions: Positions, resumed: Callable[[], None]) -> EventOutlet:
        self._outlet = EventOutlet(self._send, positions, resumed, self._protocol)
        return self._outlet

    async def _sign_in(self) -> None:
        try:
            await self._connection.authenticate(self._request.credentials())
        except ConnectionLimitReached as error:
            raise Refused(429, "Too many", error.message or "Too many live connections; try again later.") from None
        if self._connection.principal is ANONYMOUS:
            raise Refused(401, "Not signed in", "Sign in, or send an API token: “Authorization: Bearer …”.")

    def _watch(self, frames: list[Frame]) -> list[tuple[Key, ProtocolError]]:
        """The errors of those that cannot be watched: the others go on."""
        errors: list[tuple[Key, ProtocolError]] = []
        for frame in frames:
            try:
                self._connection.watch(frame)
            except ProtocolError as error:
                errors.append((place_of(frame), error))
        if not self._connection.watches:
            first = errors[0][1]
            raise Refused(STATUSES.get(first.code, 400), "Nothing to watch", first.message)
        return errors

    async def _serve(self, errors: list[tuple[Key, ProtocolError]]) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": HEAD})
        self._outlet.open()
        self._connection.open()
        for (id_, stream), error in errors:
            await self._connection.send_error(id_, error, stream)
        self._connection.begin(self._ping())
        await self._until_it_ends()
        if self._closed.is_set():
            await self._abort_if_full()
        self._outlet.close()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_it_ends(self) -> None:
        """Until the viewer leaves, or the connection is closed."""
        ends = [asyncio.ensure_future(self._left()), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY)
            self._outlet.ping()

    async def _close(self, code: int) -> None:
        """The last frame says why."""
        self._outlet.send({"type": "close", "code": code})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ABORT_AFTER):
                await self._outlet.sent()
        self._closed.set()

    async def _abort_if_full(self) -> None:
        """A viewer who takes nothing does not get the last frame, and is not waited for long."""
        if not self._outlet.free:
            await asyncio.sleep(ABORT_AFTER)
        if not self._outlet.free:
            self._outlet.abort()


async def _answer(send: Send, refused: Refused) -> None:
    body = json.dumps(problems.body(refused.status, refused.title, refused.detail)).encode()
    length = (b"content-length", str(len(body)).encode())
    headers = [(b"content-type", MEDIA_TYPE.encode()), length, *SAFE]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
