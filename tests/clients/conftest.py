"""A served site with something stuck in it, and a token of each role."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import redis

from streams_admin.demo import embedded
from tests.people import ROLES
from tests.servers import chosen
from tests.serving import ROOT, wait_until_it_answers

FIRST_MS = 1763596680412


@dataclass(frozen=True)
class Site:
    port: int
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def description(self) -> bytes:
        """The OpenAPI document, as a program gets it."""
        headers = {"Authorization": f"Bearer {self.tokens['viewer']}"}
        with urlopen(Request(f"{self.url}/api/v1/openapi.json", headers=headers), timeout=60) as answer:
            found: bytes = answer.read()
        assert json.loads(found)["openapi"].startswith("3.1")
        return found


def seed(client: redis.Redis) -> None:
    """Eight orders; worker-1 took three of them and never came back, nor did reader-1; a key that is no stream."""
    for n in range(8):
        client.xadd("orders", {"n": n, "state": "new"}, id=f"{FIRST_MS + n}-0")
    client.xgroup_create("orders", "workers", id="0")
    client.xreadgroup("workers", "worker-1", {"orders": ">"}, count=3)
    client.xgroup_createconsumer("orders", "workers", "worker-2")
    client.xgroup_create("orders", "readers", id="0")
    client.xreadgroup("readers", "reader-1", {"orders": ">"}, count=3)
    client.set("text", "no stream")


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("site"), embedded.free_port()
    with embedded.start(chosen()) as server:
        with redis.Redis.from_url(server.url, protocol=2) as client:
            seed(client)
        environment = {**os.environ, "REDIS_URL": server.url, "DATA_DIR": str(folder)}
        process = _serve(port, environment, folder / "log")
        try:
            wait_until_it_answers(process, port)
            yield Site(port, {role: _token(role, environment) for role in ROLES})
        finally:
            process.terminate()
            process.wait(20)
    assert "Traceback" not in (folder / "log").read_text()


def _serve(port: int, environment: dict[str, str], log: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--until-stdin-ends"]
    with log.open("w") as out:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=out, text=True
        )


def _token(role: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", "create_token", "--name", role, "--role", role]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return made.stdout.strip()
