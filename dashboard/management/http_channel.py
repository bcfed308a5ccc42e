"""One HTTP connection: what is too long to be read is refused with an answer, where Twisted just hangs up."""

from __future__ import annotations

from daphne.http_protocol import http

from dashboard.http.middleware import CSP

LINGER = 1.0
"""Seconds until a refused connection is closed. Closed at once while input is unread, the answer may be lost."""


class AnsweringChannel(http.HTTPChannel):  # type: ignore[misc]
    """414 for a request line, 431 for a header line or all of them together, of more than MAX_LENGTH bytes (16 KiB)."""

    _is_refused = False

    def lineReceived(self, line: bytes) -> None:
        if self._is_refused:  # what was read with the line that was too much
            return
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self._refuse("431 Request Header Fields Too Large", "The headers of this request are too long together.")
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        if self.requests:  # one is made as soon as its request line has come
            self._refuse("431 Request Header Fields Too Large", "A header of this request is too long.")
        else:
            self._refuse("414 URI Too Long", "The address of this request is too long.")

    def _refuse(self, status: str, sentence: str) -> None:
        """Answer, and drop what still comes."""
        self._is_refused = True
        body = f"{sentence} At most {self.MAX_LENGTH:,} bytes are read.\n".encode()
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": CSP,
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode() + body)
        self.dataReceived = _dropped
        self.callLater(LINGER, self.transport.loseConnection)


def _dropped(data: bytes) -> None:
    """Input of a connection that was refused."""
