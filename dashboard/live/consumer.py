"""The socket of docs/live.md, /ws/v1/live/. Handlers return at once; what takes time runs in tasks of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from autobahn.exception import Disconnected
from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard import background
from dashboard.accounts.authenticators import Credentials, authenticate_again
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.live import encoding, subscription
from dashboard.live import hub as hubs
from dashboard.live.admission import origins
from dashboard.live.admission.connection_limit import ConnectionLimitReached
from dashboard.live.admission.subscription_quota import QuotaExceeded
from dashboard.live.encoding import ProtocolError
from dashboard.live.framing import Frame, dump
from dashboard.live.sending.flow_control import SOCKET, Allowance, FlowControl
from dashboard.live.sending.outlet import Outlet, outlet
from dashboard.live.sending.viewer import Viewer
from dashboard.live.subscription import Watch
from dashboard.streams.errors import StreamError

log = logging.getLogger(__name__)

MAX_WATCHES = 20
SIGN_IN_TIMEOUT = 10.0
RECHECK_EVERY = 25.0
"""Seconds until a person's rights are checked again; a revoked one is cut off within 30."""
FRAMES_PER_SECOND = 100.0

GOING_AWAY = 4001
"""1001 in spirit: Daphne refuses to send the codes below 3000."""
NOT_SIGNED_IN = 4401
TOO_SLOW = 4408
ABORT_AFTER = 2.0
"""Seconds that a close frame gets to leave a full socket."""
TOO_MANY = 4429
FAILED = 4500


Send = Callable[[Any], Awaitable[None]]


class LiveConsumer(AsyncWebsocketConsumer):
    """One viewer. `principal` is anonymous until the session or a token has said who it is."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The end is tidied up here: at shutdown `disconnect` is not called."""
        self.principal: Principal = ANONYMOUS
        self.credentials = Credentials()
        self.in_flight = Allowance(SOCKET)
        self.allowance, self.counted_at = FRAMES_PER_SECOND, time.monotonic()
        self.authenticated = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.hub = hubs.current()
        self.outlet: Outlet = outlet(scope, self.send, lambda: self.viewer.wake(), self._ack_at_once)
        self.viewer = Viewer(self.hub.delivery, self.outlet, self._begin, self._cut_off)
        self.watches = self.viewer.watches
        try:
            await super().__call__(scope, receive, _to_whom_is_there(send))
        finally:
            self._clean_up()

    async def connect(self) -> None:
        origin, host = self._header(b"origin"), self._header(b"host") or ""
        if background.stopping() or (origin and not origins.allowed(origin, host)):
            await self.close()
            return
        try:
            await self._authenticate(Credentials(session=self.scope["session"].session_key if origin else None))
        except ConnectionLimitReached as error:
            await self._reject(error.message)
            return
        await self.accept()
        self.hub.on_shutdown(self._shut_down)
        self.hub.delivery.add(self.viewer)
        self._begin(self._enforce_rights())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame: Frame = {}
        try:
            self._count()
            frame = encoding.parse(text_data)
            await self._handle(frame)
        except ProtocolError as error:
            await self._send_error(frame.get("id"), error)

    async def disconnect(self, code: int) -> None:
        self._clean_up()

    async def _handle(self, frame: Frame) -> None:
        handlers: dict[str, Callable[[Frame], Awaitable[None]]] = {
            "watch": self._watch,
            "unwatch": self._unwatch,
            "ack": self._ack,
        }
        kind = frame["type"]
        if kind == "auth":
            await self._auth(frame)
        elif self.principal is ANONYMOUS:
            raise ProtocolError("auth_required", "Sign in first, or send an auth frame with a token.", NOT_SIGNED_IN)
        elif kind in handlers:
            await handlers[kind](frame)
        else:
            raise ProtocolError("unknown_type", "type must be auth, watch, unwatch or ack.")

    async def _auth(self, frame: Frame) -> None:
        token = frame.get("token")
        if self.principal is not ANONYMOUS:
            raise ProtocolError("already_signed_in", "This socket is already authenticated.")
        try:
            await self._authenticate(Credentials(token=token if isinstance(token, str) else ""))
        except ConnectionLimitReached as error:
            raise ProtocolError("too_many", error.message, TOO_MANY) from None
        if self.principal is ANONYMOUS:
            raise ProtocolError("bad_token", "The token does not exist, is revoked or has expired.", NOT_SIGNED_IN)

    async def _authenticate(self, credentials: Credentials) -> None:
        """Raises ConnectionLimitReached."""
        principal = await authenticate_again(credentials)
        self.hub.connections.acquire(self, principal)
        self.credentials, self.principal = credentials, principal
        if self.principal is not ANONYMOUS:
            self.authenticated.set()

    async def _reject(self, why: str) -> None:
        """A known person reads why, which takes an open socket: of a refused one a browser tells its page nothing."""
        if why:
            await self.accept()
            await self._send_error(None, ProtocolError("too_many", why, TOO_MANY))
        else:
            await self.close()

    async def _watch(self, frame: Frame) -> None:
        person = self.hub.allowance(self.principal.id)
        flow = FlowControl(self.in_flight, person)
        watch, start_at = subscription.from_frame(frame, self.principal, self.viewer.wake, flow)
        if watch.id in self.watches:
            raise ProtocolError("id_taken", "This id is already watched; unwatch it first.")
        if len(self.watches) >= MAX_WATCHES:
            raise ProtocolError("too_many", f"A socket may watch {MAX_WATCHES} topics.")
        try:
            self.hub.subscribe(watch.feed, start_at)
        except QuotaExceeded as error:
            raise ProtocolError("busy", error.message) from None
        self.watches[watch.id] = watch
        if watch.topic.kind != "entries":
            self._send({"type": "watching", "id": watch.id})

    async def _unwatch(self, frame: Frame) -> None:
        self._drop(str(frame.get("id")))

    async def _ack(self, frame: Frame) -> None:
        self.viewer.acknowledge(frame)

    def _ack_at_once(self, text: str) -> bool:
        """Without the way through Channels; False for what must go it."""
        try:
            self._count()
            frame = encoding.parse(text)
        except ProtocolError:
            return False
        if frame["type"] == "ack":
            self.viewer.acknowledge(frame)
        return bool(frame["type"] == "ack")

    async def _cut_off(self) -> None:
        """The error may not reach it, nor the close frame: then the connection ends without."""
        self.hub.delivery.counters.closed_slow += 1
        for id_ in tuple(self.watches):
            self._drop(id_)
        late = ProtocolError("too_slow", "Frames were not acknowledged for 15 seconds.", TOO_SLOW)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._send_error(None, late), ABORT_AFTER)
        if not self.outlet.free:
            await asyncio.sleep(ABORT_AFTER)
            self.outlet.abort()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Work of this socket, ended with it."""
        task = asyncio.create_task(self._supervised(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _enforce_rights(self) -> None:
        """Cuts off who does not sign in in time, and who has lost the right."""
        try:
            await asyncio.wait_for(self.authenticated.wait(), SIGN_IN_TIMEOUT)
        except TimeoutError:
            raise ProtocolError("auth_required", "Not authenticated in time.", NOT_SIGNED_IN) from None
        while True:
            await asyncio.sleep(RECHECK_EVERY)
            await self._recheck_rights()

    async def _recheck_rights(self) -> None:
        self.principal = await authenticate_again(self.credentials)
        if self.principal is ANONYMOUS:
            raise ProtocolError("signed_out", "You have been signed out.", NOT_SIGNED_IN)
        for watch in tuple(self.watches.values()):
            try:
                subscription.check(self.principal, watch.topic)
                self._review(watch)
            except ProtocolError as error:
                self._drop(watch.id)
                await self._send_error(watch.id, error)

    def _review(self, watch: Watch) -> None:
        view = watch.feed.view
        sight = subscription.look(self.principal, watch.topic)
        if sight != view.sight:
            self.hub.review(watch.feed, replace(view, sight=sight))

    async def _supervised(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ProtocolError as error:
            await self._send_error(None, error)
        except StreamError as error:
            await self._send_error(None, ProtocolError("gone", error.message, FAILED))
        except Exception:
            log.exception("A live socket failed and was closed")
            await self.close(FAILED)

    async def _send_error(self, id_: object, error: ProtocolError) -> None:
        self._send(encoding.error(id_, error.code, error.message))
        if error.closes:
            await self.outlet.sent()
            await self.close(error.closes)

    async def _shut_down(self) -> None:
        await self.close(GOING_AWAY)

    def _send(self, frame: Frame) -> None:
        self.outlet.send(dump(frame))

    def _count(self) -> None:
        """Raises ProtocolError when frames come faster than anybody needs."""
        now = time.monotonic()
        self.allowance = min(FRAMES_PER_SECOND, self.allowance + (now - self.counted_at) * FRAMES_PER_SECOND) - 1
        self.counted_at = now
        if self.allowance < 0:
            raise ProtocolError("too_fast", f"At most {FRAMES_PER_SECOND:.0f} frames per second.", TOO_MANY)

    def _drop(self, id_: str) -> None:
        if watch := self.watches.pop(id_, None):
            self.hub.unsubscribe(watch.feed)
            watch.flow.close()

    def _clean_up(self) -> None:
        """Idempotent."""
        self.hub.remove_shutdown_hook(self._shut_down)
        self.hub.connections.release(self)
        self.hub.delivery.remove(self.viewer)
        for id_ in tuple(self.watches):
            self._drop(id_)
        for task in self.tasks:
            task.cancel()

    def _header(self, name: bytes) -> str | None:
        found = [value for key, value in self.scope["headers"] if key == name]
        return found[0].decode("latin-1") if found else None


def _to_whom_is_there(send: Send) -> Send:
    """A viewer may leave at any moment: what is still sent then goes nowhere, which is no error."""

    async def sent(message: Any) -> None:
        with contextlib.suppress(Disconnected):
            await send(message)

    return sent
