"""The WebSocket of docs/live.md, /ws/v1/live/. Handlers return at once; what takes time runs in tasks of their own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.exception import Disconnected
from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard import background
from dashboard.accounts.authenticators import Credentials
from dashboard.accounts.principals import ANONYMOUS
from dashboard.live import encoding
from dashboard.live.admission import origins
from dashboard.live.admission.connection_limit import ConnectionLimitReached
from dashboard.live.connections.connection import NOT_SIGNED_IN, TOO_MANY, Connection
from dashboard.live.encoding import ProtocolError
from dashboard.live.framing import Frame
from dashboard.live.sending.outlet import outlet

FRAMES_PER_SECOND = 100.0

Send = Callable[[Any], Awaitable[None]]


class LiveConsumer(AsyncWebsocketConsumer):
    """One viewer, who may sign in by a frame once the socket is open."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The end is tidied up here: at shutdown `disconnect` is not called."""
        self.allowance, self.counted_at = FRAMES_PER_SECOND, time.monotonic()
        self.connection = Connection(
            lambda resumed: outlet(scope, self.send, resumed, self._ack_at_once), lambda code: self.close(code)
        )
        try:
            await super().__call__(scope, receive, _to_whom_is_there(send))
        finally:
            self.connection.end()

    async def connect(self) -> None:
        origin, host = self._header(b"origin"), self._header(b"host") or ""
        if background.stopping() or (origin and not origins.allowed(origin, host)):
            await self.close()
            return
        session = self.scope["session"].session_key if origin else None
        try:
            await self.connection.authenticate(Credentials(session=session))
        except ConnectionLimitReached as error:
            await self._reject(error.message)
            return
        await self.accept()
        self.connection.open()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame: Frame = {}
        try:
            self._count()
            frame = encoding.parse(text_data)
            await self._handle(frame)
        except ProtocolError as error:
            await self.connection.send_error(frame.get("id"), error)

    async def disconnect(self, code: int) -> None:
        self.connection.end()

    async def _handle(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "auth":
            await self._auth(frame)
        elif self.connection.principal is ANONYMOUS:
            raise ProtocolError("auth_required", "Sign in first, or send an auth frame with a token.", NOT_SIGNED_IN)
        elif kind == "watch":
            await self.connection.watch_all(frame)
        elif kind == "unwatch":
            self.connection.unwatch(str(frame.get("id")))
        elif kind == "ack":
            self.connection.viewer.acknowledge(frame)
        else:
            raise ProtocolError("unknown_type", "type must be auth, watch, unwatch or ack.")

    async def _auth(self, frame: Frame) -> None:
        token = frame.get("token")
        if self.connection.principal is not ANONYMOUS:
            raise ProtocolError("already_signed_in", "This socket is already authenticated.")
        try:
            await self.connection.authenticate(Credentials(token=token if isinstance(token, str) else ""))
        except ConnectionLimitReached as error:
            raise ProtocolError("too_many", error.message, TOO_MANY) from None
        if self.connection.principal is ANONYMOUS:
            raise ProtocolError("bad_token", "The token does not exist, is revoked or has expired.", NOT_SIGNED_IN)

    async def _reject(self, why: str) -> None:
        """A known person reads why, which takes an open socket: of a refused one a browser tells its page nothing."""
        if why:
            await self.accept()
            await self.connection.send_error(None, ProtocolError("too_many", why, TOO_MANY))
        else:
            await self.close()

    def _ack_at_once(self, text: str) -> bool:
        """Without the way through Channels; False for what must go it."""
        try:
            self._count()
            frame = encoding.parse(text)
        except ProtocolError:
            return False
        if frame["type"] == "ack":
            self.connection.viewer.acknowledge(frame)
        return bool(frame["type"] == "ack")

    def _count(self) -> None:
        """Raises ProtocolError when frames come faster than anybody needs."""
        now = time.monotonic()
        self.allowance = min(FRAMES_PER_SECOND, self.allowance + (now - self.counted_at) * FRAMES_PER_SECOND) - 1
        self.counted_at = now
        if self.allowance < 0:
            raise ProtocolError("too_fast", f"At most {FRAMES_PER_SECOND:.0f} frames per second.", TOO_MANY)

    def _header(self, name: bytes) -> str | None:
        found = [value for key, value in self.scope["headers"] if key == name]
        return found[0].decode("latin-1") if found else None


def _to_whom_is_there(send: Send) -> Send:
    """A viewer may leave at any moment: what is still sent then goes nowhere, which is no error."""

    async def sent(message: Any) -> None:
        with contextlib.suppress(Disconnected):
            await send(message)

    return sent
