"""The way to one viewer: written to its WebSocket directly under our own server, by ASGI under any other.

Daphne takes whatever is sent and holds it until it is taken. Written directly, a socket says when it is full, and the
same frame is written to all sockets without being packed for each.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from dashboard.live.framing import Frame, dump
from dashboard.live.parts import Encoded

PROTOCOL_IN_SCOPE = "streamgauge.protocol"
"""Where our server puts the WebSocket's own protocol (dashboard/management/live_protocol.py)."""

UNREAD_BYTES = 64 * 2**10
"""Of answers to a client that sends on and reads nothing, before its connection is ended."""

TakeAck = Callable[[str], bool]
"""Gets an acknowledgement at once, before the socket's other messages; False: it goes their way too."""


class Transport(Protocol):
    """What is used of Twisted's."""

    def write(self, data: bytes) -> None: ...


class DirectProtocol(Protocol):
    """What is used of autobahn's WebSocketServerProtocol, all of it public, and `on_ack` and `is_free` of ours."""

    transport: Transport
    state: int
    STATE_OPEN: int
    on_ack: TakeAck | None
    is_free: Callable[[], bool] | None

    def sendMessage(self, payload: bytes, isBinary: bool) -> None: ...

    def registerProducer(self, producer: object, streaming: bool) -> None: ...

    def unregisterProducer(self) -> None: ...

    def dropConnection(self, abort: bool) -> None: ...


class Outlet(Protocol):
    """In order. `free`: whether what is sent now goes out soon; when it was not and is again, `resumed` is called.

    `confirms`: what was sent has arrived as soon as it is free, because its viewer cannot acknowledge. `stuck`: it is
    known by itself, without acknowledgements, that the viewer takes nothing any more.
    """

    confirms: bool

    @property
    def stuck(self) -> bool: ...

    @property
    def free(self) -> bool: ...

    def send(self, frame: Frame) -> None: ...

    def send_frame(self, frame: Encoded) -> None: ...

    async def sent(self) -> None:
        """Wait until the server has all that was sent."""

    def abort(self) -> None:
        """End the connection without a word: nothing can reach a viewer who takes nothing."""


class DirectOutlet:
    """Frames go to the transport as they are. It is the transport's producer, which is asked to pause at 64 KiB.

    News are not sent while it is full; answers are, as long as they are few.
    """

    confirms = stuck = False

    def __init__(self, protocol: DirectProtocol, resumed: Callable[[], None], take_ack: TakeAck) -> None:
        self.free, self._unread = True, 0
        protocol.on_ack, protocol.is_free = take_ack, lambda: self.free
        self._protocol, self._resumed = protocol, resumed
        protocol.unregisterProducer()  # Twisted's HTTP channel, which ended when the socket was upgraded
        protocol.registerProducer(self, True)

    def send(self, frame: Frame) -> None:
        message = dump(frame).encode()
        self._unread = 0 if self.free else self._unread + len(message)
        if self._unread > UNREAD_BYTES:
            self.abort()
        elif self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendMessage(message, False)

    def send_frame(self, frame: Encoded) -> None:
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.transport.write(frame.wire)

    async def sent(self) -> None:
        """What was written is with the transport."""

    def abort(self) -> None:
        self._protocol.dropConnection(abort=True)

    def pauseProducing(self) -> None:
        self.free = False

    def resumeProducing(self) -> None:
        self.free = True
        self._resumed()

    def stopProducing(self) -> None:
        self.free = False


class AsgiOutlet:
    """By `send`, one frame after the other."""

    confirms = stuck = False

    def __init__(self, send: Callable[[str], Awaitable[Any]], resumed: Callable[[], None]) -> None:
        self._send, self._resumed = send, resumed
        self._queue: deque[str] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def free(self) -> bool:
        return not self._queue

    def send(self, frame: Frame) -> None:
        self._put(dump(frame))

    def send_frame(self, frame: Encoded) -> None:
        self._put(frame.text)

    def _put(self, text: str) -> None:
        self._queue.append(text)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def sent(self) -> None:
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    def abort(self) -> None:
        """ASGI knows no such thing: the close frame has to do."""

    async def _drain(self) -> None:
        while self._queue:
            await self._send(self._queue[0])
            self._queue.popleft()
        self._resumed()


def outlet(scope: Any, send: Callable[[str], Awaitable[Any]], resumed: Callable[[], None], take_ack: TakeAck) -> Outlet:
    """The best one for a socket that is accepted."""
    protocol = scope.get(PROTOCOL_IN_SCOPE)
    return DirectOutlet(protocol, resumed, take_ack) if protocol is not None else AsgiOutlet(send, resumed)
