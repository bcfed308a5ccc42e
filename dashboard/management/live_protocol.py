"""Daphne's connections with shortcuts for a thousand viewers: there to be written to, and WebSockets take acks.

Each message that goes to Channels costs a dispatch and a hop to a thread for database connections; viewers acknowledge
all the time, and an acknowledgement needs neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from daphne.http_protocol import WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol

from dashboard.live.hub import PROTOCOL_IN_SCOPE
from dashboard.management.idle_connections import IdleConnections

ACK = (b'{"type":"ack"', b'{"type": "ack"')
"""How pages and most libraries begin it. Written otherwise it goes the long way."""
WAITING = 300
"""Frames of one socket that wait to be handled. Three times what anybody may send in a second: it is closed then, for
they come in faster than they can be handled, and refused, one after the other."""
PINGS = 20
"""Pings of one socket in a second. Browsers send none, libraries one in twenty seconds."""
TOO_FAST = 4429


class LiveProtocol(WebSocketProtocol):
    """`on_ack`: given what begins like an acknowledgement; False when it must go the long way.

    `is_free`: whether what is sent now goes out soon.
    """

    on_ack: Callable[[str], bool] | None = None
    is_free: Callable[[], bool] | None = None
    _pings, _pings_since = 0, 0.0

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.on_ack and not isBinary and not self.muted and payload.startswith(ACK):
            self.last_ping = time.time()
            if self.on_ack(payload.decode()):
                return
        if self.application_queue.qsize() < WAITING:
            super().onMessage(payload, isBinary)
        else:
            self.sendClose(code=TOO_FAST)

    def onPing(self, payload: bytes) -> None:
        """Not answered while the socket is full: whoever does not read would have us keep all the answers."""
        if self._pings_too_fast():
            self.sendClose(code=TOO_FAST)
            self.dropConnection(abort=True)
        elif self.is_free is None or self.is_free():
            super().onPing(payload)

    def _pings_too_fast(self) -> bool:
        now = time.monotonic()
        if now - self._pings_since >= 1:
            self._pings, self._pings_since = 0, now
        self._pings += 1
        return self._pings > PINGS


class LiveRequest(WebRequest):
    """`streams`: its answer goes on for as long as somebody listens."""

    streams = False

    def check_timeouts(self) -> None:
        if not self.streams:
            super().check_timeouts()


class LiveServer(Server):
    """Gives each application its protocol. `idle`: connections that wait for a request."""

    def __init__(self, *, idle_connections: int, **options: Any) -> None:
        super().__init__(**options)
        self.idle = IdleConnections(idle_connections)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, LiveProtocol | LiveRequest):
            scope[PROTOCOL_IN_SCOPE] = protocol
        return super().create_application(protocol, scope)
