"""What really happened on a server: MONITOR, read to the end of the test and understood afterwards."""

from __future__ import annotations

import re
import socket
import threading
from types import TracebackType

WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')
LINE = re.compile(rb'^\+\d+\.\d+ \[\d+ (?P<by>[^\]]+)\] (?P<words>".*")$')


class Monitor:
    """Everything the server was told inside the `with`: (whether by a script, its words) in `commands`."""

    def __init__(self, url: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(url.removeprefix("unix://"))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._heard: list[bytes] = []

    def __enter__(self) -> Monitor:
        self._socket.sendall(b"MONITOR\r\n")
        assert self._socket.recv(5) == b"+OK\r\n"
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while heard := self._socket.recv(1 << 16):
            self._heard.append(heard)

    @property
    def commands(self) -> list[tuple[bool, list[str]]]:
        found = (LINE.match(line) for line in b"".join(self._heard).split(b"\r\n"))
        return [(line["by"] == b"lua", [_plain(w) for w in WORD.findall(line["words"])]) for line in found if line]


def _plain(word: bytes) -> str:
    """Without the escapes of MONITOR."""
    return word.decode("unicode_escape")
