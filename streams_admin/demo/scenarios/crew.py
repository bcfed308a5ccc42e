"""All processes of a system, started and ended together."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from redis import Redis

from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.scenarios.options import Options, Role


class ForeignKeys(Exception):
    """The server holds something else where the scenario would write."""


class Crew:
    """The processes of one system. Each ends when its stdin closes, so none outlives us, however we end."""

    def __init__(self, name: str, options: Options, url: str) -> None:
        self.name, self.options, self.url = name, options, url
        self.members: dict[Role, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for role in catalogue.get(self.name).roles(self.options):
            self.members[role] = self._process(role)

    def _process(self, role: Role) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "streams_admin.demo.scenarios.process", self.name, role]
        environment = {**os.environ, "REDIS_URL": self.url, "SCENARIO_CHILD": "1"}
        return subprocess.Popen(
            [*command, json.dumps(asdict(self.options))],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            cwd=Path(__file__).resolve().parents[3],
        )

    def living(self) -> list[Role]:
        return [role for role, process in self.members.items() if process.poll() is None]

    def kill(self, role: Role) -> None:
        """SIGKILL, with work in hand."""
        self.members[role].kill()
        self.members[role].wait()

    def restart(self, role: Role) -> None:
        self.members[role] = self._process(role)

    def end(self, role: Role, timeout: float = 5.0) -> None:
        """Ask one to finish what it has in hand, and wait until it has. Raises subprocess.TimeoutExpired."""
        process = self.members.pop(role)
        if process.stdin:
            process.stdin.close()
        process.wait(timeout)

    def stop(self, timeout: float = 5.0) -> None:
        """Ask all to finish what they have in hand, then end those that do not."""
        for process in self.members.values():
            if process.stdin:
                process.stdin.close()
        deadline = time.monotonic() + timeout
        for process in self.members.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def claim_keys(redis: Redis, name: str, options: Options) -> None:
    """Leave our mark; raises ForeignKeys when there is a key of somebody else's where the scenario would write."""
    if not redis.exists(mark(name, options)):
        for beginning in catalogue.get(name).KEYS:
            for key in redis.scan_iter(match=_glob(options, f"{beginning}*"), count=1000):
                found = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
                raise ForeignKeys(
                    f"{found} already exists on this server and was not written by this scenario; choose a --prefix."
                )
    redis.set(mark(name, options), "streamgauge example data")


def mark(name: str, options: Options) -> str:
    """The key that says: this scenario may write here, there was nothing when it began."""
    return options.key(f"scenario:{name}")


def clean(redis: Redis, name: str, options: Options) -> int:
    """Delete what the scenario wrote, if it was it; how many keys. What others put beside it stays."""
    if not redis.exists(mark(name, options)):
        return 0
    wrote = [_glob(options, pattern) for pattern in catalogue.get(name).WRITES]
    keys = [key for pattern in wrote for key in redis.scan_iter(match=pattern, count=1000)]
    deleted = sum(int(redis.unlink(*keys[at : at + 1000])) for at in range(0, len(keys), 1000))
    return deleted + int(redis.delete(mark(name, options)))


def _glob(options: Options, pattern: str) -> str:
    """A pattern for SCAN: the prefix is meant as it stands."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", options.prefix) + pattern
