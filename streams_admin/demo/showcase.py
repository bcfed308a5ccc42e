"""What `demo` starts and ends: a server of our own (or one it was given), the example systems, and the site."""

from __future__ import annotations

import errno
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from dashboard import ports
from streams_admin.demo import embedded
from streams_admin.demo.scenarios.crew import Crew, ForeignKeys
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.visit import prepare

READY_WITHIN = 60.0
CRASH_AFTER = 5.0
"""Seconds until worker-2 of the orders is killed."""
JUDGE = {"LATE_AFTER": "8", "STUCK_AFTER": "20", "SAMPLE_EVERY": "2"}
"""A demo has no time to wait five minutes until something counts as stuck."""
LEFT_OUT = {"STREAMGAUGE_CONFIG", "DATABASE_URL", "REDIS_URL", "REDIS_ADMIN_URL", "ALLOWED_HOSTS", "HTTPS"}
"""Variables (also as `..._FILE`) that the demo sets itself, or does without."""
MANAGE = (sys.executable, "-m", "dashboard.cli")
"""Our own commands, in a checkout and in an installed wheel alike."""
ROOT = Path(__file__).resolve().parents[2]


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
        if self._site:
            _end(self._site)
        for crew in self._crews:
            crew.stop(timeout=3)
        if self._server:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        _refuse_taken(self.port)
        if not self.url:
            self._server = embedded.start(port=0)
            self.url = self._server.url
        self._populate()
        self._site = subprocess.Popen(
            [*MANAGE, "serve", "--port", str(self.port), "--until-stdin-ends"],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        _wait_until_it_listens(self._site)

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
        kept = {name: value for name, value in self.environment.items() if name.removesuffix("_FILE") not in LEFT_OUT}
        ours = {"REDIS_URL": self.url, "DATA_DIR": self._folder, "LOG_LEVEL": "WARNING"}
        return {**kept, **self.judged, **ours}

    @property
    def judged(self) -> dict[str, str]:
        """What the site goes by: fast, unless the environment says otherwise; stuck is never before late."""
        found = {name: self.environment.get(name) or value for name, value in JUDGE.items()}
        return {**found, "STUCK_AFTER": max(found["LATE_AFTER"], found["STUCK_AFTER"], key=int)}

    def sign_in_link(self) -> str:
        """A link that signs in the admin “demo” once. Raises CannotShow."""
        made = subprocess.run(
            [*MANAGE, "create_user", "demo", "--role", "admin", "--base-url", self.address],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if made.returncode:
            raise CannotShow("Could not create a sign-in link; see the lines above.")
        return made.stdout.strip()

    @property
    def serving(self) -> bool:
        return self._site is not None and self._site.poll() is None


def _refuse_taken(port: int) -> None:
    """Before anything is begun. Raises CannotShow."""
    hindrance = ports.hindrance("127.0.0.1", port)
    if hindrance:
        why = "is in use" if hindrance.errno == errno.EADDRINUSE else f"cannot be used ({hindrance.strerror})"
        other = port + 1 if 1024 <= port < ports.MOST else 8001
        raise CannotShow(f"Port {port} {why}; choose another: make demo PORT={other} (or --port {other}).")


def _wait_until_it_listens(site: subprocess.Popen[bytes]) -> None:
    """The site says so itself, in a line: an answer on the port could be somebody else's. Raises CannotShow."""
    if site.stdout and not select.select([site.stdout], [], [], READY_WITHIN)[0]:
        raise CannotShow(f"The site did not start within {READY_WITHIN:.0f} s.")
    if not site.stdout or not site.stdout.readline():
        raise CannotShow("The site could not start; see the line above.")


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
