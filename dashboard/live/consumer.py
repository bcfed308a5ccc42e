"""The socket of CONTRACT.md, /ws/v1/live/. Handlers return at once; what takes time runs in tasks of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard import background
from dashboard.accounts.access import ANONYMOUS, Principal
from dashboard.live import encoding, subscription
from dashboard.live import hub as hubs
from dashboard.live.admission import origins
from dashboard.live.admission.connection_limit import Full
from dashboard.live.admission.identity import Credentials
from dashboard.live.admission.subscription_quota import Busy
from dashboard.live.encoding import Frame, Refusal
from dashboard.live.feed import Batch, News
from dashboard.live.subscription import Watch
from dashboard.streams.errors import StreamError

log = logging.getLogger(__name__)

WATCHES = 20
SIGN_IN_WITHIN = 10.0
ASK_AGAIN = 25.0
"""Seconds until a person's rights are asked for again; a revoked one is cut off within 30."""
PACE = 0.05
FRAMES_PER_SECOND = 100.0

GOING_AWAY = 4001
"""1001 in spirit: Daphne refuses to send the codes below 3000."""
NOT_SIGNED_IN = 4401
TOO_SLOW = 4408
TOO_MANY = 4429
FAILED = 4500


class LiveConsumer(AsyncWebsocketConsumer):
    """One viewer. `principal` is anonymous until the session or a token has said who it is."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The end is tidied up here: at shutdown `disconnect` is not called."""
        self.principal: Principal = ANONYMOUS
        self.credentials = Credentials()
        self.watches: dict[str, Watch] = {}
        self.allowance, self.counted_at = FRAMES_PER_SECOND, time.monotonic()
        self.woken, self.known = asyncio.Event(), asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.hub = hubs.current()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()

    async def connect(self) -> None:
        origin, host = self._header(b"origin"), self._header(b"host") or ""
        if background.stopping() or (origin and not origins.allowed(origin, host)):
            await self.close()
            return
        try:
            await self._recognise(Credentials(session=self.scope["session"].session_key if origin else None))
        except Full as full:
            await self._turn_away(full.message)
            return
        await self.accept()
        self.hub.at_close(self._farewell)
        for work in (self._carry, self._guard):
            self.tasks.append(asyncio.create_task(self._supervised(work())))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame: Frame = {}
        try:
            self._count()
            frame = encoding.parse(text_data)
            await self._handle(frame)
        except Refusal as refusal:
            await self._refuse(frame.get("id"), refusal)

    async def disconnect(self, code: int) -> None:
        self._end()

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
            raise Refusal("auth_required", "Sign in first, or send an auth frame with a token.", NOT_SIGNED_IN)
        elif kind in handlers:
            await handlers[kind](frame)
        else:
            raise Refusal("unknown_type", "type must be auth, watch, unwatch or ack.")

    async def _auth(self, frame: Frame) -> None:
        token = frame.get("token")
        if self.principal is not ANONYMOUS:
            raise Refusal("already_signed_in", "This socket knows already who you are.")
        try:
            await self._recognise(Credentials(token=token if isinstance(token, str) else ""))
        except Full as full:
            raise Refusal("too_many", full.message, TOO_MANY) from None
        if self.principal is ANONYMOUS:
            raise Refusal("bad_token", "The token does not exist, is revoked or has expired.", NOT_SIGNED_IN)

    async def _recognise(self, credentials: Credentials) -> None:
        """Raises Full."""
        principal = await credentials.principal()
        self.hub.seats.take(self, principal)
        self.credentials, self.principal = credentials, principal
        if self.principal is not ANONYMOUS:
            self.known.set()

    async def _turn_away(self, why: str) -> None:
        """Who is known reads why, and that takes an open socket: of another a browser tells its page nothing."""
        if why:
            await self.accept()
            await self._refuse(None, Refusal("too_many", why, TOO_MANY))
        else:
            await self.close()

    async def _watch(self, frame: Frame) -> None:
        asked, wish = subscription.from_frame(frame, self.principal, self.woken.set)
        if asked.id in self.watches:
            raise Refusal("id_taken", "There is a watch with this id already; unwatch it first.")
        if len(self.watches) >= WATCHES:
            raise Refusal("too_many", f"A socket may watch {WATCHES} topics.")
        try:
            self.hub.subscribe(asked.feed, wish)
        except Busy as busy:
            raise Refusal("busy", busy.message) from None
        self.watches[asked.id] = asked
        if asked.topic.kind != "entries":
            await self._send({"type": "watching", "id": asked.id})

    async def _unwatch(self, frame: Frame) -> None:
        self._drop(str(frame.get("id")))

    async def _ack(self, frame: Frame) -> None:
        if known := self.watches.get(str(frame.get("id"))):
            known.credit.acknowledged(str(frame.get("last_id")))
            self.woken.set()

    async def _carry(self) -> None:
        """Carries news to the viewer, for as long as the socket is open."""
        while True:
            self.woken.clear()
            for known in tuple(self.watches.values()):
                await self._flush(known)
            await asyncio.sleep(PACE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.woken.wait(), self._patience())

    async def _flush(self, known: Watch) -> None:
        if known.credit.stuck():
            raise Refusal("too_slow", "Frames were not acknowledged for 15 seconds.", TOO_SLOW)
        while known.id in self.watches and (news := known.take()) is not None:
            await self._tell(known, news)

    async def _tell(self, known: Watch, news: News) -> None:
        text = encoding.dump(await known.frame(news))
        if known.id not in self.watches:
            return
        await self.send(text)
        if isinstance(news, Batch):
            known.credit.sent(str(news.last), len(news.items), len(text))

    def _patience(self) -> float:
        """Seconds until something may go on by itself: a pace that ends, a credit that fills."""
        waits = [known.not_before - time.monotonic() for known in self.watches.values()]
        return min([1.0, *(wait for wait in waits if wait > 0)])

    async def _guard(self) -> None:
        """Cuts off who does not sign in in time, and who has lost the right."""
        try:
            await asyncio.wait_for(self.known.wait(), SIGN_IN_WITHIN)
        except TimeoutError:
            raise Refusal("auth_required", "Nobody signed in in time.", NOT_SIGNED_IN) from None
        while True:
            await asyncio.sleep(ASK_AGAIN)
            await self._ask_again()

    async def _ask_again(self) -> None:
        self.principal = await self.credentials.principal()
        if self.principal is ANONYMOUS:
            raise Refusal("signed_out", "You are signed out.", NOT_SIGNED_IN)
        for known in tuple(self.watches.values()):
            try:
                subscription.check(self.principal, known.topic)
                known.sight = subscription.look(self.principal, known.topic)
            except Refusal as refusal:
                self._drop(known.id)
                await self._refuse(known.id, refusal)

    async def _supervised(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refusal as refusal:
            await self._refuse(None, refusal)
        except StreamError as error:
            await self._refuse(None, Refusal("gone", error.message, FAILED))
        except Exception:
            log.exception("A live socket failed and is closed")
            await self.close(FAILED)

    async def _refuse(self, id_: object, refusal: Refusal) -> None:
        await self._send(encoding.error(id_, refusal.code, refusal.message))
        if refusal.closes:
            await self.close(refusal.closes)

    async def _farewell(self) -> None:
        await self.close(GOING_AWAY)

    async def _send(self, frame: Frame) -> None:
        await self.send(encoding.dump(frame))

    def _count(self) -> None:
        """Raises Refusal when frames come faster than anybody needs."""
        now = time.monotonic()
        self.allowance = min(FRAMES_PER_SECOND, self.allowance + (now - self.counted_at) * FRAMES_PER_SECOND) - 1
        self.counted_at = now
        if self.allowance < 0:
            raise Refusal("too_fast", f"At most {FRAMES_PER_SECOND:.0f} frames per second.", TOO_MANY)

    def _drop(self, id_: str) -> None:
        if known := self.watches.pop(id_, None):
            self.hub.unsubscribe(known.feed)

    def _end(self) -> None:
        """Asked twice, it does nothing."""
        self.hub.forget(self._farewell)
        self.hub.seats.leave(self)
        for id_ in tuple(self.watches):
            self._drop(id_)
        for task in self.tasks:
            task.cancel()

    def _header(self, name: bytes) -> str | None:
        found = [value for key, value in self.scope["headers"] if key == name]
        return found[0].decode("latin-1") if found else None
