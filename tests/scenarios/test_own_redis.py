"""“On your own Redis”, walked as it stands: the lines of its two terminals, in a shell each, and what they give."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from streams_admin.demo import embedded
from streams_admin.demo.check import check

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "index.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OWN = "redis://127.0.0.1:6379/0"
Terminal = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def port() -> int:
    return embedded.free_port()


@pytest.fixture
def terminal(redis_client: redis.Redis, redis_url: str, port: int, tmp_path: Path) -> Iterator[Terminal]:
    """Runs lines in a shell, with the server of the tests and a port that is free. Ctrl-C goes to all that it runs."""
    shells: list[subprocess.Popen[str]] = []
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "PORT": str(port), "BASE_URL": address}

    def run(lines: str) -> subprocess.Popen[str]:
        lines = lines.replace(OWN, redis_url).replace(".venv/bin/python", sys.executable)
        shell = subprocess.Popen(
            ["bash", "-e", "-c", lines],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        shells.append(shell)
        return shell

    yield run
    for shell in shells:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate()


def line_with(words: str, shell: subprocess.Popen[str]) -> str:
    """The next line of its output that has these words."""
    assert shell.stdout
    found = next((line for line in iter(shell.stdout.readline, "") if words in line), None)
    assert found, f"it ended without saying {words!r}"
    return found.strip()


def ctrl_c(shell: subprocess.Popen[str]) -> str:
    """What it says on Ctrl-C, after which all that it started has ended: nobody holds its output."""
    os.killpg(shell.pid, signal.SIGINT)
    return shell.communicate(timeout=30)[0]


def test_the_lines_for_ones_own_redis(terminal: Terminal, port: int) -> None:
    section = PAGE[PAGE.index("### On your own Redis") : PAGE.index("## The terms")]
    first, second = SHELL.findall(section)
    assert OWN in first
    assert OWN in second
    site = terminal(first)
    assert line_with("listens on", site) == f"Streamgauge listens on http://127.0.0.1:{port}/"
    assert "create_user" in line_with("Nobody can sign in yet", site)
    system = terminal(second)
    link = line_with("/sign-in/", system)
    assert line_with("running", system) == (
        "sensors: producer, reader, consumer-1, consumer-2 running. Ctrl-C stops them."
    )
    assert check(f"http://127.0.0.1:{port}", link)[-1] == "live entries of sensor_readings over a WebSocket"
    assert "sensors: stopped. " in ctrl_c(system)
    assert "Traceback" not in ctrl_c(site)
