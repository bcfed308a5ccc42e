"""One HTTP connection: what is too long or too slow is refused with an answer, where Twisted hangs up or waits."""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import http

from dashboard.config.active import configured
from dashboard.http.middleware import CSP
from dashboard.management.idle_connections import IdleConnections

LINGER = 1.0
"""Seconds until a refused connection is closed. Closed at once while input is unread, the answer may be lost."""


class AnsweringChannel(http.HTTPChannel):
    """414 for a request line, 431 for a header line or all of them together, of more than MAX_LENGTH bytes (16 KiB).

    431 for more header lines than `maxHeaders`, 400 for what is no HTTP. 408 for a header that is not complete within
    HEADER_WITHIN seconds, however it drips. While it waits for a request, or the rest of one, it is one of the idle
    connections of the process, and may be closed for others: with 503 when a part of a request has come.
    """

    _is_refused = False
    _deadline: Any = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self._idle.add(self, self._make_room)
        self._expect_header()

    def dataReceived(self, data: bytes) -> None:
        if self._is_refused:
            return
        if not self.requests:
            self._expect_header()
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self._stop_waiting()
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self._idle.remove(self)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        if self.persistent:
            self._idle.add(self, self._make_room)
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        self._idle.remove(self)
        self._stop_waiting()
        super().connectionLost(reason)

    @property
    def _idle(self) -> IdleConnections:
        found: IdleConnections = self.factory.server.idle
        return found

    def _make_room(self) -> None:
        """Closed at once: an answer so short leaves with it."""
        if self._receivedHeaderSize and not self._is_refused:
            limit = configured().idle_connections
            self._answer("503 Service Unavailable", f"More than {limit:,} connections wait: send the request again.")
        self._is_refused = True
        self.transport.loseConnection()

    def _expect_header(self) -> None:
        """From the first byte of a request, or the connection, until the header is there."""
        if self._deadline is None:
            self._deadline = self.callLater(configured().header_within, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse("408 Request Timeout", f"The header did not come within {configured().header_within} s.")

    def lineReceived(self, line: bytes) -> None:
        if self._is_refused:  # what was read with the line that was too much
            return
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self._refuse(
                "431 Request Header Fields Too Large",
                f"The headers of this request are too long together. {self._bound}",
            )
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        if self.requests:  # one is made as soon as its request line has come
            self._refuse("431 Request Header Fields Too Large", f"A header of this request is too long. {self._bound}")
        else:
            self._refuse("414 URI Too Long", f"The address of this request is too long. {self._bound}")

    def headerReceived(self, line: bytes) -> bool:
        if self._receivedHeaderCount < self.maxHeaders:
            return bool(super().headerReceived(line))
        many = f"The request has more than {self.maxHeaders:,} header lines."
        self._refuse("431 Request Header Fields Too Large", many)
        return False

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted's word for what it cannot read: without an answer nobody knows why."""
        if not self._is_refused:
            self._refuse("400 Bad Request", "The request is not valid HTTP.")

    @property
    def _bound(self) -> str:
        return f"At most {self.MAX_LENGTH:,} bytes are read."

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer, and drop what still comes."""
        self._is_refused = True
        self._stop_waiting()
        self._answer(status, sentence)
        self.callLater(LINGER, self.transport.loseConnection)

    def _answer(self, status: str, sentence: str) -> None:
        body = f"{sentence}\n".encode()
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": CSP,
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode() + body)
