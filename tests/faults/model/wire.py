"""A TCP proxy in front of a real server, in which each request goes the way that is chosen for it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from tests.streams_admin.proxy import whole

Fate = Literal["pass", "cut", "lose", "hold"]
"""Of a request: passed on with its reply; carried out, and its reply lost; lost itself; or kept on its way, while who
sent it sees its connection end."""
PIECE = 1 << 20
LATEST = 5.0
"""Seconds within which a server answers."""


@dataclass
class Held:
    """A request that is still on its way, on the connection it was sent on."""

    behind: socket.socket
    request: bytes

    def deliver(self) -> bool:
        """It arrives now. False when the server has closed that connection meanwhile, and nothing was carried out."""
        with self.behind, contextlib.suppress(OSError):
            if select.select([self.behind], [], [], 0)[0]:
                return False
            self.behind.sendall(self.request)
            self.behind.settimeout(LATEST)
            return bool(self.behind.recv(PIECE))
        return False

    def drop(self) -> None:
        self.behind.close()


class Wire:
    """`switch` leads to another server, `cut_off` to none; both end all connections."""

    def __init__(self, url: str) -> None:
        self.first = url
        self._behind: str | None = url
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"
        self.held: list[Held] = []
        self._fates: dict[int, Fate] = {}
        self._open: set[socket.socket] = set()

    @property
    def elsewhere(self) -> bool:
        return self._behind != self.first

    def choose(self, port: int, fate: Fate) -> None:
        """What becomes of the next request from that port."""
        self._fates[port] = fate

    def switch(self, url: str | None) -> None:
        self._behind = url
        for end in tuple(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """To the first server again, with nothing on its way."""
        self.switch(self.first)
        while self.held:
            self.held.pop().drop()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                front, _ = self._listening.accept()
                if self._behind is None:
                    front.close()
                    continue
                threading.Thread(target=self._between, args=(front, _connect(self._behind)), daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.reset()

    def _between(self, front: socket.socket, behind: socket.socket) -> None:
        self._open |= {front, behind}
        port, kept = front.getpeername()[1], False
        try:
            while not kept:
                readable, _, _ = select.select([front, behind], [], [])
                if front in readable:
                    kept = self._request(port, front, behind)
                elif not _pass(behind, front):
                    return
        except (OSError, _Ended):
            pass
        finally:
            self._open -= {front, behind}
            front.close()
            if not kept:
                behind.close()

    def _request(self, port: int, front: socket.socket, behind: socket.socket) -> bool:
        """Whether the connection behind is kept for later. Raises _Ended."""
        request = whole(front)
        fate = self._fates.pop(port, "pass") if request else "lose"
        if fate == "lose":
            raise _Ended
        if fate == "hold":
            self.held.append(Held(behind, request))
            return True
        behind.sendall(request)
        if fate == "cut":
            behind.settimeout(LATEST)
            behind.recv(PIECE)
            raise _Ended
        return False


class _Ended(Exception):
    """The connection is through."""


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        behind = socket.socket(socket.AF_UNIX)
        behind.connect(parts.path)
        return behind
    return socket.create_connection((parts.hostname or "", parts.port or 0))


def _pass(one: socket.socket, other: socket.socket) -> bool:
    piece = one.recv(PIECE)
    if piece:
        other.sendall(piece)
    return bool(piece)


@contextmanager
def wire(url: str) -> Iterator[Wire]:
    found = Wire(url)
    threading.Thread(target=found.serve, daemon=True).start()
    try:
        yield found
    finally:
        found.close()
