"""Many viewers of one stream in a process of their own, as cheap as they can be: they read heads of frames and answer.

Written against the bytes of RFC 6455 because a library takes longer for a frame than the site does for sending it, and
what is measured is the site. `python -m tests.benchmarks.viewers PORT TOKEN STREAM COUNT FORM`, FORM `json` or `html`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import struct
import sys
import time
from collections.abc import Mapping
from functools import partial

HEAD = re.compile(rb'"type":"entries","id":"v","prev_id":"(\d+-\d+)","last_id":"(\d+-\d+)","skipped":(\d+)')
ACK_EVERY, ACK_BYTES = 0.5, 128 * 2**10
OPENING = 25
"""Sockets that are opened at a time."""


class Viewer(asyncio.Protocol):
    """One socket. `frames`: (when, previous ID, last ID, skipped) of each that came."""

    def __init__(self, port: int, token: str, watch: Mapping[str, object]) -> None:
        self.port, self.token, self.watch = port, token, watch
        self.frames: list[tuple[float, str, str, int]] = []
        self.bytes = 0
        self.ready = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._open = False
        self._unacknowledged = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
        head = f"GET /ws/v1/live/ HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        transport.write((head + "\r\n".join(lines) + "\r\n\r\n").encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before it watched"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            at = self._buffer.find(b"\r\n\r\n")
            if at < 0:
                return
            del self._buffer[: at + 4]
            self._open = True
            self._send({"type": "auth", "token": self.token})
            self._send({"type": "watch", "id": "v", "topic": "entries", **self.watch})
        while self._next():
            pass

    def acknowledge(self) -> None:
        """All that came, if there is something new."""
        if self._unacknowledged:
            self._send({"type": "ack", "id": "v", "last_id": self.frames[-1][2]})
            self._unacknowledged = 0

    def _next(self) -> bool:
        """Take one frame off the buffer, if it is there."""
        buffer = self._buffer
        if len(buffer) < 4:
            return False
        length, start = buffer[1], 2
        if length == 126:
            length, start = struct.unpack_from("!H", buffer, 2)[0], 4
        elif length == 127:
            if len(buffer) < 10:
                return False
            length, start = struct.unpack_from("!Q", buffer, 2)[0], 10
        if len(buffer) < start + length:
            return False
        self._came(bytes(buffer[start : start + min(length, 300)]), length)
        del buffer[: start + length]
        return True

    def _came(self, head: bytes, length: int) -> None:
        now = time.time()
        self.bytes += length
        if found := HEAD.search(head):
            prev, last, skipped = found.groups()
            self.frames.append((now, prev.decode(), last.decode(), int(skipped)))
            self._unacknowledged += length
            if self._unacknowledged >= ACK_BYTES:
                self.acknowledge()
        elif b'"type":"watching"' in head and not self.ready.done():
            self.ready.set_result(None)

    def _send(self, frame: Mapping[str, object]) -> None:
        """Masked with zeros, which leaves the text as it is."""
        text = json.dumps(frame).encode()
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
        self.transport.write(b"\x81" + size + b"\0\0\0\0" + text)


async def _watching(port: int, tokens: list[str], stream: str, count: int, form: str) -> None:
    loop = asyncio.get_running_loop()
    more = {"as": "html", "columns": ["t", "body"]} if form == "html" else {}
    watch = {"server": "default", "stream": stream, **more}
    viewers: list[Viewer] = []
    for begin in range(0, count, OPENING):
        made = []
        for n in range(begin, min(count, begin + OPENING)):
            new = partial(Viewer, port, tokens[n % len(tokens)], watch)
            made.append((await loop.create_connection(new, "127.0.0.1", port))[1])
        await asyncio.gather(*(viewer.ready for viewer in made))
        viewers += made
    print("ready", flush=True)
    ended = loop.run_in_executor(None, sys.stdin.readline)
    while not ended.done():
        await asyncio.wait({ended}, timeout=ACK_EVERY)
        for viewer in viewers:
            viewer.acknowledge()
    used = os.times()
    result = {
        "frames": [viewer.frames for viewer in viewers],
        "bytes": sum(viewer.bytes for viewer in viewers),
        "cpu": used.user + used.system,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    port, tokens, stream, count, form = sys.argv[1:]
    asyncio.run(_watching(int(port), tokens.split(","), stream, int(count), form))
