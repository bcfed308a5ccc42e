"""One viewer's connection, whatever carries it: who that is, what it watches, and how long it may.

Calls return at once; what takes time runs in tasks of the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from dashboard.accounts.authenticators import Credentials, authenticate_again
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.live import encoding, subscription
from dashboard.live import hub as hubs
from dashboard.live.admission.subscription_quota import QuotaExceeded
from dashboard.live.encoding import ProtocolError
from dashboard.live.framing import Frame
from dashboard.live.sending.flow_control import SOCKET, Allowance, FlowControl
from dashboard.live.sending.outlet import Outlet
from dashboard.live.sending.viewer import Viewer
from dashboard.live.subscription import Watch
from dashboard.streams.errors import StreamError

log = logging.getLogger(__name__)

MAX_WATCHES = 20
SIGN_IN_TIMEOUT = 10.0
RECHECK_EVERY = 3.5
"""Seconds until a person's rights are checked again: a revoked one is cut off within 5."""
RECHECKS = 60.0
"""Of different people in a second, at most: where more than 200 are connected, each is checked less often."""

GOING_AWAY = 4001
"""1001 in spirit: Daphne refuses to send the codes below 3000."""
NOT_SIGNED_IN = 4401
TOO_SLOW = 4408
TOO_MANY = 4429
FAILED = 4500
ABORT_AFTER = 2.0
"""Seconds that the last frames get to leave a full connection."""

Close = Callable[[int], Awaitable[Any]]
"""Ends the connection with a code of docs/live.md."""


class Connection:
    """`principal` is anonymous until credentials have said who it is. `end` must be called, however it ends."""

    def __init__(self, outlet: Callable[[Callable[[], None]], Outlet], close: Close) -> None:
        """`outlet`: makes the way to the viewer, given what is to be called when it is free again."""
        self.principal: Principal = ANONYMOUS
        self.hub = hubs.current()
        self.outlet = outlet(lambda: self.viewer.resumed())
        self.viewer = Viewer(self.hub.delivery, self.outlet, self.begin, self._cut_off)
        self.watches = self.viewer.watches
        self._close = close
        self._credentials = Credentials()
        self._in_flight = Allowance(SOCKET)
        self._authenticated = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def authenticate(self, credentials: Credentials) -> None:
        """Raises ConnectionLimitReached."""
        principal = await authenticate_again(credentials)
        self.hub.connections.acquire(self, principal)
        self._credentials, self.principal = credentials, principal
        if self.principal is not ANONYMOUS:
            self._authenticated.set()

    def open(self) -> None:
        """From now on the viewer gets news."""
        self.hub.on_shutdown(self._shut_down)
        self.hub.delivery.add(self.viewer)
        self.begin(self._enforce_rights())
        self.viewer.wake()

    async def watch_all(self, frame: Frame) -> None:
        """What a watch frame asks for; the streams that cannot be watched are named. Raises ProtocolError."""
        for each in subscription.expanded(frame):
            try:
                self.watch(each)
            except ProtocolError as error:
                await self.send_error(each.get("id"), error, each["stream"] if "streams" in each else "")

    def watch(self, frame: Frame) -> None:
        """One stream, or what has none. Raises ProtocolError."""
        person = self.hub.allowance(self.principal.id)
        flow = FlowControl(self._in_flight, person, acknowledges=self.outlet.confirms)
        watch, start_at = subscription.from_frame(frame, self.principal, self.viewer.wake, flow)
        if any(watch.id == other.id and self._same(watch, other) for other in self.watches.values()):
            raise ProtocolError("id_taken", "This id is already watched; unwatch it first.")
        if len(self.watches) >= MAX_WATCHES:
            raise ProtocolError("too_many", f"A connection may watch {MAX_WATCHES} topics.")
        try:
            self.hub.subscribe(watch.feed, start_at)
        except QuotaExceeded as error:
            raise ProtocolError("busy", error.message) from None
        self.watches[watch.key] = watch
        if watch.topic.kind != "entries":
            self.outlet.send({"type": "watching", "id": watch.id})

    def unwatch(self, id_: str) -> None:
        """All streams of the watch. Idempotent."""
        for watch in [each for each in self.watches.values() if each.id == id_]:
            self._drop(watch)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Work of this connection, ended with it. An error of it ends the connection."""
        task = asyncio.create_task(self._supervised(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send_error(self, id_: object, error: ProtocolError, stream: str = "") -> None:
        """`id_`, `stream`: of the watch it is about. Closes where the error says so."""
        self.outlet.send(encoding.error(id_, error.code, error.message, stream))
        if error.closes:
            await self.outlet.sent()
            await self._close(error.closes)

    def end(self) -> None:
        """Nothing is left of it. Idempotent."""
        self.hub.remove_shutdown_hook(self._shut_down)
        self.hub.connections.release(self)
        self.hub.delivery.remove(self.viewer)
        self._drop_all()
        for task in self._tasks:
            task.cancel()

    @staticmethod
    def _same(watch: Watch, other: Watch) -> bool:
        """Whether two watches with one id could not be told apart: they can as two streams of several."""
        return "" in (watch.stream, other.stream) or watch.stream == other.stream

    def _drop(self, watch: Watch) -> None:
        del self.watches[watch.key]
        self.hub.unsubscribe(watch.feed)
        watch.flow.close()

    def _drop_all(self) -> None:
        for watch in tuple(self.watches.values()):
            self._drop(watch)

    async def _cut_off(self) -> None:
        """The error may not reach it, nor the close frame: then the connection ends without."""
        self.hub.delivery.counters.closed_slow += 1
        self._drop_all()
        late = ProtocolError("too_slow", "Frames were not acknowledged for 15 seconds.", TOO_SLOW)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ABORT_AFTER):
                await self.send_error(None, late)
        if not self.outlet.free:
            await asyncio.sleep(ABORT_AFTER)
            self.outlet.abort()

    async def _enforce_rights(self) -> None:
        """Cuts off who does not sign in in time, and who has lost the right."""
        try:
            async with asyncio.timeout(SIGN_IN_TIMEOUT):
                await self._authenticated.wait()
        except TimeoutError:
            raise ProtocolError("auth_required", "Not authenticated in time.", NOT_SIGNED_IN) from None
        while True:
            await asyncio.sleep(max(RECHECK_EVERY, self.hub.connections.people / RECHECKS))
            await self._recheck_rights()

    async def _recheck_rights(self) -> None:
        known = self._credentials
        self.principal = await self.hub.rights.principal(known, lambda: authenticate_again(known))
        if self.principal is ANONYMOUS:
            raise ProtocolError("signed_out", "You have been signed out.", NOT_SIGNED_IN)
        for watch in tuple(self.watches.values()):
            try:
                subscription.check(self.principal, watch.topic)
                self._review(watch)
            except ProtocolError as error:
                self._drop(watch)
                await self.send_error(watch.id, error, watch.stream)

    def _review(self, watch: Watch) -> None:
        view = watch.feed.view
        sight = subscription.look(self.principal, watch.topic)
        if sight != view.sight:
            self.hub.review(watch.feed, replace(view, sight=sight))

    async def _supervised(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ProtocolError as error:
            await self.send_error(None, error)
        except StreamError as error:
            await self.send_error(None, ProtocolError("gone", error.message, FAILED))
        except Exception:
            log.exception("A live connection failed and was closed")
            await self._close(FAILED)

    async def _shut_down(self) -> None:
        await self._close(GOING_AWAY)
