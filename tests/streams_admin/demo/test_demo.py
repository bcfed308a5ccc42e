"""`manage.py demo`: it starts what it shows, says in one sentence why it cannot, and takes nobody else for its site."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import redis

from streams_admin.demo import showcase
from streams_admin.demo.embedded import free_port
from streams_admin.demo.showcase import CannotShow, Showcase
from streams_admin.management.commands.demo import redis_cli

ROOT = Path(__file__).resolve().parents[3]
START_WITHIN = 60.0


class Ready(BaseHTTPRequestHandler):
    """Somebody else's program, which says that it is ready, whatever it is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """In silence."""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else answers."""
    with HTTPServer(("127.0.0.1", 0), Ready) as other:
        thread = threading.Thread(target=other.serve_forever, daemon=True)
        thread.start()
        yield other.server_port
        other.shutdown()
        thread.join()


def demo(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=START_WITHIN)[0]
    finally:
        process.kill()


def test_a_port_in_use_gives_one_sentence(taken: int) -> None:
    process, other = demo("--port", str(taken)), taken + 1
    assert said(process) == (
        f"CommandError: Port {taken} is in use; choose another: make demo PORT={other} (or --port {other}).\n"
    )
    assert process.returncode == 1


def test_what_is_no_port_gives_one_sentence() -> None:
    assert said(demo("--port", "70000")).endswith(
        "error: argument --port: '70000' is not a port; allowed: a whole number from 1 to 65535\n"
    )


@pytest.mark.usefixtures("redis_client")
def test_another_program_on_the_port_is_not_taken_for_the_site(
    taken: int, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came while the demo was starting."""
    monkeypatch.setattr(showcase, "_refuse_taken", lambda port: None)
    with pytest.raises(CannotShow, match="could not start"), Showcase(taken, [], os.environ, redis_url):
        pytest.fail("it believed the other program")


def test_no_link_gives_one_sentence(redis_url: str) -> None:
    show = Showcase(free_port(), [], {**os.environ, "LOG_FORMAT": "xml"}, redis_url)
    with pytest.raises(CannotShow, match="Could not create a sign-in link"):
        show.sign_in_link()
    show.__exit__()


def test_it_says_whose_server_it_uses_and_no_password() -> None:
    text = said(demo("--port", str(free_port()), REDIS_URL="redis://me:secret@127.0.0.1:1/3"))
    assert text == (
        "Using REDIS_URL (redis://127.0.0.1:1/3) instead of an embedded server.\n"
        "CommandError: The server in REDIS_URL cannot be used (ConnectionError).\n"
    )


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("redis://127.0.0.1:7001", "redis-cli -p 7001"),
        ("redis://127.0.0.1", "redis-cli -p 6379"),
        ("redis://127.0.0.1:7001/3", "redis-cli -u redis://127.0.0.1:7001/3"),
        ("rediss://me:secret@redis.example:7001/0", "redis-cli -u rediss://redis.example:7001/0"),
        ("unix:///tmp/server.sock", "redis-cli -s /tmp/server.sock"),
    ],
)
def test_its_redis_cli_line_has_no_password(url: str, line: str) -> None:
    assert redis_cli(url) == line


def test_it_shows_where_it_is_how_to_sign_in_and_how_it_judges() -> None:
    port = free_port()
    process = demo("--port", str(port), "--scenario", "orders", LATE_AFTER="30")
    assert process.stdout
    text = ""
    while "Ctrl-C stops everything." not in text and (line := process.stdout.readline()):
        text += line
    shown = re.search(r"^Its Redis: redis-cli -p (\d+)$", text, re.MULTILINE)
    assert shown
    with redis.Redis(port=int(shown[1])) as client:
        assert client.exists("scenario:orders")
    process.send_signal(signal.SIGINT)
    rest = said(process)
    assert f"Streamgauge is at http://127.0.0.1:{port}/\n" in text
    assert f"    http://127.0.0.1:{port}/sign-in/" in text
    assert "worker-2 of orders crashes" in text
    assert "late after 30 s, stuck after 30 s" in text
    assert process.returncode == 0
    assert "Traceback" not in rest


def test_it_checks_itself() -> None:
    process = demo("--port", str(free_port()), "--scenario", "sensors", "--check")
    text = said(process)
    assert process.returncode == 0, text
    assert [line for line in text.splitlines() if line.startswith("ok: ")] == [
        "ok: signed in by link",
        "ok: home page",
        "ok: list of streams",
        "ok: live entries of sensor_readings over a WebSocket",
    ]
