"""Small payloads that grow when they are unpacked: a page of them must not take longer than others."""

from __future__ import annotations

import gzip
import json
import time
import zlib

import pytest
import redis
from django.test import Client

BOMBS = {
    "JSON": gzip.compress(json.dumps([[]] * 340_000, separators=(",", ":")).encode()),
    "MessagePack": zlib.compress(b"\xdd\x00\x0f\x42\x40" + b"\x80" * 1_000_000),
    "text": gzip.compress(b"x" * 2**24),
}
PAGES = ("/s/default/bombs/", "/s/default/bombs/g/g/", "/s/default/bombs/?open=50-0", "/s/default/bombs/e/50-0/")


@pytest.fixture(params=BOMBS)
def bombs(request: pytest.FixtureRequest, redis_client: redis.Redis) -> None:
    """A page of entries, delivered and open, of 20 fields each."""
    bomb = BOMBS[request.param]
    for number in range(1, 51):
        redis_client.xadd("bombs", {f"f{n}": bomb for n in range(20)}, id=f"{number}-0")
    redis_client.xgroup_create("bombs", "g", "0")
    redis_client.xreadgroup("g", "c", {"bombs": ">"}, count=50)


@pytest.mark.usefixtures("server", "bombs")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_bombs_is_there_soon(viewer: Client, page: str) -> None:
    began = time.process_time()
    assert viewer.get(page).status_code == 200
    assert time.process_time() - began < 5
