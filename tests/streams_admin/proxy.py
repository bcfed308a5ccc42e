"""A TCP proxy in front of a real server that loses what goes through it, or holds it for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

Loss = Literal["reply", "request"]


class Proxy:
    """Passes everything on, until the n-th request that holds `word`: that one, or the reply to it, is lost.

    What is lost ends its connection. `meanwhile` is called at that moment. What is held arrives when it is let go,
    whether its sender still waits for it or not.
    """

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"
        self.seen = 0
        self._word, self._number, self._loss = b"", 0, "reply"
        self._meanwhile: Callable[[], object] = lambda: None
        self._ends: list[socket.socket] = []
        self._holds: Callable[[bytes], bool] = lambda request: False
        self.held, self._go, self.delivered = threading.Event(), threading.Event(), threading.Event()

    def lose(self, word: bytes, number: int, loss: Loss, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._word, self._number, self._loss, self._meanwhile = word, number, loss, meanwhile

    def hold(self, holds: Callable[[bytes], bool]) -> None:
        """The next request that it picks; `held` says when it has come."""
        self.held, self._go, self.delivered = threading.Event(), threading.Event(), threading.Event()
        self._holds = holds

    def let_go(self) -> None:
        """What is held arrives now; returns when the server has carried it out, or refused it."""
        assert self.held.is_set()
        self._go.set()
        assert self.delivered.wait(10)

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                front, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(front, self._connect()), daemon=True).start()

    def close(self) -> None:
        for end in (self._listening, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _connect(self) -> socket.socket:
        if self._behind.scheme == "unix":
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(self._behind.path)
            return behind
        return socket.create_connection((self._behind.hostname or "", self._behind.port or 0))

    def _pass_on(self, front: socket.socket, behind: socket.socket) -> None:
        self._ends += [front, behind]
        with contextlib.suppress(OSError), front, behind:
            while request := whole(front):
                if self._is_held(request):
                    return self._deliver_later(request, behind)
                lost = self._is_lost(request)
                if not (lost and self._loss == "request"):
                    behind.sendall(request)
                    reply = behind.recv(1 << 20)
                if lost:
                    self._meanwhile()
                    return
                front.sendall(reply)

    def _is_held(self, request: bytes) -> bool:
        held = not self.held.is_set() and self._holds(request)
        if held:
            self.held.set()
        return held

    def _deliver_later(self, request: bytes, behind: socket.socket) -> None:
        """A server that has ended this connection answers nothing."""
        self._go.wait(60)
        with contextlib.suppress(OSError):
            behind.sendall(request)
            behind.recv(1 << 20)
        self.delivered.set()

    def _is_lost(self, request: bytes) -> bool:
        if not self._word or self._word not in request:
            return False
        self.seen += 1
        return self.seen == self._number


def whole(front: socket.socket) -> bytes:
    """What a client sends in one go; its end is where the next piece is waited for."""
    request = front.recv(1 << 20)
    front.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while more := front.recv(1 << 20):
            request += more
    front.setblocking(True)
    return request


@contextmanager
def proxied(url: str) -> Iterator[Proxy]:
    proxy = Proxy(url)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
