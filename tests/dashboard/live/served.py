"""The site as it is run, for tests of what leaves it live: `serve` as a process, with a token of a viewer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import redis
from websockets.sync.client import ClientConnection, connect

from dashboard.streams.names import to_path
from streams_admin.demo import embedded
from tests.servers import chosen

MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
Frame = dict[str, Any]
Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Site:
    """`client` is a plain client of the watched server; `log` what the site writes; `pid` of its process."""

    pid: int
    port: int
    token: str
    client: redis.Redis
    log: Path

    @contextmanager
    def watching(self, key: bytes, after: str, **more: object) -> Iterator[ClientConnection]:
        stream = {"server": "default", "stream": to_path(key), "after": after}
        with connect(f"ws://127.0.0.1:{self.port}/ws/v1/live/", open_timeout=20) as socket:
            socket.send(json.dumps({"type": "auth", "token": self.token}))
            socket.send(json.dumps({"type": "watch", "id": "t", "topic": "entries", **stream, **more}))
            while json.loads(socket.recv(timeout=20))["type"] != "watching":
                pass
            yield socket

    def figures(self) -> dict[str, float]:
        """What /metrics says of live."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            lines = [
                line.rsplit(" ", 1)
                for line in answer.read().decode().splitlines()
                if line.startswith("streamgauge_live")
            ]
        return {name.removeprefix("streamgauge_live_"): float(value) for name, value in lines}


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """A site that keeps its data in `folder`, and the server it watches."""
    port = embedded.free_port()
    with embedded.start(chosen()) as server, redis.Redis.from_url(server.url, protocol=2) as client:
        environment = {**os.environ, "REDIS_URL": server.url, "DATA_DIR": str(folder), "SAMPLE_EVERY": "60"}
        command = [sys.executable, str(MANAGE), "serve", "--port", str(port), "--until-stdin-ends"]
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=out)
        try:
            wait_for(port, process)
            words = ("create_token", "--name", "reader", "--role", "viewer")
            made = subprocess.run(
                [sys.executable, str(MANAGE), *words], env=environment, capture_output=True, text=True, check=True
            )
            yield Site(process.pid, port, made.stdout.strip(), client, log)
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the site did not start")


def add(client: redis.Redis, key: bytes, mix: list[Fields]) -> list[str]:
    """All in one transaction, so that the reader finds all of it at once."""
    pipe = client.pipeline(transaction=True)
    for fields in mix:
        pipe.execute_command("XADD", key, "*", *(part for field in fields for part in field))
    return [id_.decode() for id_ in pipe.execute()]


def complete(frames: list[Frame], after: str, ids: list[str]) -> None:
    """The chain has no gap, and every entry is there or counted."""
    assert [frame["prev_id"] for frame in frames] == [after, *(frame["last_id"] for frame in frames[:-1])]
    got = [item["id"] for frame in frames for item in frame["items"]]
    assert got == [id_ for id_ in ids if id_ in set(got)], "in order, and each once"
    assert len(got) + sum(frame["skipped"] for frame in frames) == len(ids)
