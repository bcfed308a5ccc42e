"""The way to one viewer by server-sent events: the same frames, each as one event.

Daphne takes whatever is sent and holds it until it is taken. Its request says when it is full; under any other server
`send` waits. Nobody can acknowledge: what has left counts as arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from dashboard.live.framing import Frame, dump
from dashboard.live.parts import Encoded
from dashboard.live.sending import flow_control
from dashboard.live.sending.positions import Positions

PING = b"event: ping\ndata: {}\n\n"
"""Tells a page, and the proxies before it, that the connection is alive."""
RETRY = b"retry: 2000\n\n"
"""Milliseconds until a browser comes back by itself."""


class Transport(Protocol):
    """What is used of Twisted's."""

    def abortConnection(self) -> None: ...


class StreamedRequest(Protocol):
    """What is used of Twisted's Request, all of it public, and `streams` of ours: it has no time limit.

    `channel`: None once the connection is lost.
    """

    channel: object | None
    transport: Transport
    streams: bool

    def registerProducer(self, producer: object, streaming: bool) -> None: ...

    def unregisterProducer(self) -> None: ...


class EventOutlet:
    """What is sent before `open` waits for it. `request`: under our own server, whose producer this is."""

    confirms = True

    def __init__(
        self,
        send: Callable[[Any], Awaitable[None]],
        positions: Positions,
        resumed: Callable[[], None],
        request: StreamedRequest | None = None,
    ) -> None:
        self._send, self._positions, self._resumed, self._request = send, positions, resumed, request
        self._queue: deque[bytes] = deque([RETRY])
        self._flows = True
        self._is_open = False
        self._blocked_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """The head of the answer has been sent."""
        self._is_open = True
        if request := self._connected():
            request.streams = True
            request.registerProducer(self, True)
        self._begin()

    def close(self) -> None:
        """Nothing is sent any more. Idempotent."""
        if self._task:
            self._task.cancel()
        if self._is_open and (request := self._connected()):
            request.unregisterProducer()
        self._is_open = False

    @property
    def free(self) -> bool:
        return self._flows and not self._queue

    @property
    def stuck(self) -> bool:
        return self._is_open and not self.free and time.monotonic() - self._blocked_at > flow_control.CUT_OFF_AFTER

    def send(self, frame: Frame) -> None:
        self._positions.note(frame)
        self._put(b"data: %b\n\n" % dump(frame).encode())

    def send_frame(self, frame: Encoded) -> None:
        self._positions.move((frame.watch, frame.stream), frame.last_id)
        self._put(frame.event)

    def ping(self) -> None:
        """Show that the connection is alive, unless what waits does that."""
        if self.free:
            self._queue_up(PING)

    async def sent(self) -> None:
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    def abort(self) -> None:
        if request := self._connected():
            request.transport.abortConnection()

    def pauseProducing(self) -> None:
        self._block()
        self._flows = False

    def resumeProducing(self) -> None:
        self._flows = True
        if self.free:
            self._resumed()

    def stopProducing(self) -> None:
        self._flows = False

    def _connected(self) -> StreamedRequest | None:
        return self._request if self._request is not None and self._request.channel is not None else None

    def _put(self, event: bytes) -> None:
        self._queue_up(self._positions.line + event)

    def _queue_up(self, text: bytes) -> None:
        self._block()
        self._queue.append(text)
        self._begin()

    def _block(self) -> None:
        """It is not free from now on."""
        if self.free:
            self._blocked_at = time.monotonic()

    def _begin(self) -> None:
        if self._is_open and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        while self._queue:
            await self._send({"type": "http.response.body", "body": self._queue[0], "more_body": True})
            self._queue.popleft()
        if self.free:
            self._resumed()
