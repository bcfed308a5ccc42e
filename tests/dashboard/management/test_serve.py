"""`manage.py serve` as a process: it answers, ends in order, and says in one sentence why it cannot start."""

from __future__ import annotations

import json
import os
import re
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

ROOT = Path(__file__).resolve().parents[3]
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


def test_it_answers_with_an_empty_folder_and_ends_in_order(serve: Serve, port: int) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    assert (get(port, "/healthz").status, get(port, "/readyz").read()) == (200, b"ready\n")
    home = get(port, "/")
    assert (home.status, home.headers["Location"]) == (302, "/sign-in/?next=/")
    assert get(port, "/sign-in/").status == 200
    code, output = ended(process, signal.SIGTERM)
    assert code == 0
    assert f"http://127.0.0.1:{port}/" in output
    assert "Traceback" not in output
    assert "ERROR" not in output


def test_ctrl_c_ends_it_in_order_too(serve: Serve, port: int) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    code, output = ended(process, signal.SIGINT)
    assert (code, "Traceback" in output) == (0, False)


def test_a_connection_that_is_only_open_does_not_hold_it(serve: Serve, port: int) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(16).startswith(b"HTTP/1.1 200")
        assert ended(process, signal.SIGTERM)[0] == 0


def test_it_starts_though_the_watched_server_is_down(serve: Serve, port: int, tmp_path: Path) -> None:
    process = serve(REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    wait_until_it_answers(process, port)
    assert get(port, "/readyz").status == 200
    assert ended(process, signal.SIGTERM)[0] == 0


def test_its_folder_is_kept_for_itself(serve: Serve, port: int, tmp_path: Path) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    assert ended(process, signal.SIGTERM)[0] == 0
    key = tmp_path / "data" / "secret_key"
    assert len(key.read_text()) >= 50
    assert key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "streamgauge.sqlite3").exists()


def test_a_port_in_use_gives_one_sentence(serve: Serve, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        output, _ = serve().communicate(timeout=START_WITHIN)
    assert output == (
        f"CommandError: Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --port.\n"
    )


def test_a_wrong_value_gives_one_sentence(serve: Serve) -> None:
    process = serve(LATE_AFTER="soon")
    output, _ = process.communicate(timeout=START_WITHIN)
    assert process.returncode == 2
    assert output == ("Streamgauge cannot start: LATE_AFTER is 'soon'; allowed: a whole number from 1 to 1000000000.\n")


def test_the_probe_of_the_container_image_finds_the_site(serve: Serve, port: int) -> None:
    """HEALTHCHECK of the Dockerfile, run against a site that only allows its public name."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    found = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    probe = [sys.executable, *json.loads(found[1])[1:]]
    environment = {"ALLOWED_HOSTS": "streams.example.com,localhost", "PORT": str(port)}
    assert subprocess.run(probe, env=environment, capture_output=True, timeout=10, check=False).returncode == 1
    process = serve(**environment)
    wait_until_it_answers(process, port)
    assert subprocess.run(probe, env=environment, capture_output=True, timeout=10, check=False).returncode == 0
    assert ended(process, signal.SIGTERM)[0] == 0
