"""A server that misbehaves on purpose: it understands commands and answers them as the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import cast

Answer = Callable[[list[bytes]], bytes | None]
"""A command to the bytes of its reply; b"" is silence, None hangs up."""


class Impostor(ThreadingTCPServer):
    """`heard`: every command, apart from a client's introduction, in the order of arrival."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answer = answer
        self.heard: list[list[bytes]] = []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server_address[1]}"


class _Conversation(StreamRequestHandler):
    def handle(self) -> None:
        server, before = cast(Impostor, self.server), list[bytes]()
        while head := self.rfile.readline():
            command = [self._argument() for _ in range(int(head[1:]))]
            reply: bytes | None = b"+OK\r\n"
            introduction = command[0] == b"CLIENT" or (command[0] == b"INFO" and before == [b"CLIENT", b"ID"])
            before = command
            if not introduction:
                server.heard.append(command)
                reply = server.answer(command)
            if reply is None:
                return
            self.wfile.write(reply)

    def _argument(self) -> bytes:
        size = int(self.rfile.readline()[1:])
        return self.rfile.read(size + 2)[:-2]


@contextmanager
def impostor(answer: Answer) -> Iterator[Impostor]:
    with Impostor(answer) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()
