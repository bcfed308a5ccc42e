"""A sign-in link is a secret until it is used: no line of the log holds it, whatever the site answers."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dashboard.accounts.throttling import FROM_ADDRESS
from dashboard.logs import formatter
from tests.serving import ROOT, Serve, ended, wait_until_it_answers

SECRET = "c4n4ry-S3cr3t_0f-a-l1nk"


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize("name", ["django.request", "django.security.csrf", "daphne.server", "anything.else"])
@pytest.mark.parametrize(
    "message",
    [
        f"Forbidden (CSRF): /sign-in/{SECRET}/",
        f"https://h/below/sign-in/{SECRET}",
        f"next=%2Fsign-in%2F{SECRET}%2F",
        f"Exception while resolving variable: {{'path': 'sign-in/{SECRET}'}}",
    ],
)
def test_the_formatter_hides_it_for_every_logger(kind: str, name: str, message: str) -> None:
    record = logging.makeLogRecord({"name": name, "levelname": "WARNING", "msg": message})
    line = formatter(kind).format(record)
    assert SECRET not in line
    assert "sign-in" in line


@pytest.mark.parametrize(
    "address",
    [f"/sign%2din/{SECRET}/", f"/%73ign-in%2F{SECRET}", f"%252Fsign-in%252f{SECRET}", f"/sign-in/%63{SECRET}"],
)
def test_however_the_address_is_spelt(address: str) -> None:
    """The site reads all of them as one, and the log has them as they came."""
    record = logging.makeLogRecord({"name": "streamgauge.access", "levelname": "INFO", "msg": f"GET {address} 200"})
    line = formatter("text").format(record)
    assert SECRET not in line
    assert "…" in line


def test_a_traceback_hides_it_too() -> None:
    try:
        raise ValueError(f"/sign-in/{SECRET}/")
    except ValueError:
        record = logging.makeLogRecord({"msg": "it failed", "exc_info": sys.exc_info()})
    assert all(SECRET not in formatter(kind).format(record) for kind in ("text", "json"))


@pytest.fixture
def status(port: int) -> Callable[..., int]:
    def ask(method: str, path: str, **headers: str) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        sent = {"Host": "localhost", "Connection": "close"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=sent)
        return connection.getresponse().status

    return ask


@pytest.mark.parametrize("debug", ["false", "true"])
def test_no_answer_of_that_address_leaves_it_in_the_log(
    serve: Serve, port: int, status: Callable[..., int], debug: str, tmp_path: Path
) -> None:
    process = serve(DEBUG=debug)
    wait_until_it_answers(process, port)
    link = f"/sign-in/{SECRET}/"
    real = _link(tmp_path / "data")
    assert status("GET", real) == 200
    assert status("POST", real) == 403, "without a CSRF token"
    assert status("POST", real, Sec_Fetch_Site="cross-site") == 403, "from elsewhere"
    assert status("PUT", real, Sec_Fetch_Site="none") in (403, 405)
    assert status("GET", real, Host="elsewhere.example") == 400
    assert status("GET", link) == 410
    assert status("GET", link.rstrip("/")) == 301
    if debug == "false":  # once is enough: it takes its time
        assert 429 in {status("GET", link) for _ in range(FROM_ADDRESS + 1)}
    with sqlite3.connect(tmp_path / "data" / "streamgauge.sqlite3") as database:
        (table,) = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_failedsignin'").fetchone()
        database.execute(f"DROP TABLE {table}")
    assert status("GET", real) == 500
    _, output = ended(process, signal.SIGTERM)
    assert "Internal Server Error" in output, "else this proves nothing"
    assert "/sign-in/…" in output
    assert SECRET not in output
    assert real.removeprefix("/sign-in/").strip("/") not in output


def _link(folder: Path) -> str:
    """A link that was made by the command, beside the running site."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder)}
    making = [sys.executable, "manage.py", "create_user", "ana", "--role", "viewer", "--base-url", "http://h"]
    made = subprocess.run(making, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert made.stderr.startswith("Open it in a browser within ten minutes")
    return made.stdout.strip().removeprefix("http://h")
