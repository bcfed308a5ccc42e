"""`manage.py serve` as a process, for tests of what leaves it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from streams_admin.demo.embedded import free_port

ROOT = Path(__file__).resolve().parents[1]
START_WITHIN = 30.0
END_WITHIN = 20.0
Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serve(tmp_path: Path, redis_url: str, port: int) -> Iterator[Serve]:
    """Starts the site on `port` with a folder of its own; ended when the test is."""
    started: list[subprocess.Popen[str]] = []

    def start(**changed: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path / "data"),
            "REDIS_URL": redis_url,
            **changed,
        }
        started.append(
            subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(port)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=END_WITHIN)


def get(port: int, path: str, host: str = "localhost") -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Host": host, "Connection": "close"})
    return connection.getresponse()


def wait_until_it_answers(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"serve did not answer: {process.communicate(timeout=END_WITHIN)[0]}")


def ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Exit code and output after the signal, within END_WITHIN."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=END_WITHIN)
    return process.returncode, output
