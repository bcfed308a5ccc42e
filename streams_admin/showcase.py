"""What `demo` starts and ends: a server of our own (or one it was given), the example systems, and the site."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path

from streams_admin import embedded
from streams_admin.scenarios.crew import Crew, ForeignKeys
from streams_admin.scenarios.options import Options
from streams_admin.scenarios.visit import prepare

READY_WITHIN = 60.0
CRASH_AFTER = 5.0
"""Seconds until worker-2 of the orders is killed."""
JUDGE = {"LATE_AFTER": "8", "STUCK_AFTER": "20", "SAMPLE_EVERY": "2"}
"""A demo has no time to wait five minutes until something counts as stuck."""
MANAGE = (sys.executable, "-m", "dashboard.cli")
"""Our own commands, in a checkout and in an installed wheel alike."""
ROOT = Path(__file__).resolve().parent.parent


class CannotShow(Exception):
    """The demo cannot go on; the message is one sentence that says why."""


class Showcase:
    """A context manager: everything is up inside, and gone after it."""

    def __init__(
        self,
        port: int,
        scenarios: Iterable[str],
        environment: Mapping[str, str],
        given_url: str = "",
        *,
        into_existing: bool = False,
    ) -> None:
        self.environment = environment
        self.port, self.scenarios, self.into_existing = port, tuple(scenarios), into_existing
        self.address = f"http://127.0.0.1:{port}"
        self.url = given_url
        self._server: embedded.Embedded | None = None
        self._crews: list[Crew] = []
        self._site: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.mkdtemp(prefix="streamgauge-demo-")

    def __enter__(self) -> Showcase:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in [self._site] if self._site else []:
            _end(process)
        for crew in self._crews:
            crew.stop(timeout=3)
        if self._server:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        if not self.url:
            self._server = embedded.start(port=0)
            self.url = self._server.url
        self._populate()
        self._site = subprocess.Popen(
            [*MANAGE, "serve", "--port", str(self.port), "--until-stdin-ends"],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_ready()

    def _populate(self) -> None:
        try:
            prepare(self.url, self.scenarios, into_existing=self.into_existing)
        except ForeignKeys as error:
            raise CannotShow(str(error)) from error
        for name in self.scenarios:
            options = Options(crash_after=CRASH_AFTER if name == "orders" else None)
            self._crews.append(Crew(name, options, self.url))
            self._crews[-1].start()

    def _environment(self) -> dict[str, str]:
        """The site watches the demo's server, judges fast, and keeps its own data in a folder that goes away."""
        left_out = {"STREAMGAUGE_CONFIG", "DATABASE_URL", "REDIS_ADMIN_URL", "ALLOWED_HOSTS", "HTTPS"}
        kept = {name: value for name, value in self.environment.items() if name not in left_out}
        ours = {"REDIS_URL": self.url, "DATA_DIR": self._folder, "LOG_LEVEL": "WARNING"}
        return {**JUDGE, **kept, **ours}

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._site and self._site.poll() is not None:
                raise CannotShow("The site could not start; see the line above.")
            if _answers(f"{self.address}/readyz"):
                return
            time.sleep(0.1)
        raise CannotShow(f"The site did not answer within {READY_WITHIN:.0f} s.")

    def sign_in_link(self) -> str:
        """A link that signs in the admin “demo” once."""
        made = subprocess.run(
            [*MANAGE, "create_user", "demo", "--role", "admin", "--base-url", self.address],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()

    @property
    def serving(self) -> bool:
        return self._site is not None and self._site.poll() is None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
