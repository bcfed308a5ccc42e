"""A site of the tests: an own server that survives restarts, `serve` as a process, and the browser's way in."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import redis

from streams_admin.demo import embedded

MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
QUICK = {"LATE_AFTER": "2", "STUCK_AFTER": "4", "SAMPLE_EVERY": "1", "LOG_LEVEL": "WARNING"}


class Site:
    """Use as a context manager. `client` is a plain client of the watched server."""

    def __init__(self) -> None:
        options = ("--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "local")
        self.server = embedded.start(port=0, options=options)
        self.client = redis.Redis.from_url(self.server.url, decode_responses=True, protocol=2)
        self.port = embedded.free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.folder = tempfile.mkdtemp(prefix="streamgauge-browser-")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Site:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.client.close()
        self.server.stop()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **QUICK, "REDIS_URL": self.server.url, "DATA_DIR": self.folder}

    def start(self) -> None:
        command = [sys.executable, str(MANAGE), "serve", "--port", str(self.port), "--until-stdin-ends"]
        self.process = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(self.ready, 30, "the site answers")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            assert self.process.wait(10) == 0
            self.process = None

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, str(MANAGE), *words], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def sign_in_link(self, name: str, role: str) -> str:
        return self.manage("create_user", name, "--role", role, "--base-url", self.address)

    def empty(self) -> None:
        """Nothing of the test before is left, on disk neither, so that a restart is quick."""
        self.client.flushall()
        self.client.bgrewriteaof()
        wait_until(lambda: not self.client.info("persistence")["aof_rewrite_in_progress"], 10, "the file is rewritten")

    def forget(self) -> None:
        """Start the site anew: it would go on telling of groups that vanished when the test before was emptied."""
        self.stop()
        self.start()

    def restart_redis(self) -> None:
        """The watched server ends and comes back with its data."""
        before = self.client.info("server")["run_id"]
        with contextlib.suppress(redis.ConnectionError):
            self.client.execute_command("DEBUG", "RESTART", "100")
        wait_until(lambda: self._run_id() not in ("", before), 10, "the server is back")

    def _run_id(self) -> str:
        try:
            self.client.ping()
            return str(self.client.info("server")["run_id"])
        except redis.ConnectionError:  # loading is one too
            return ""


def wait_until(true: object, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")
