"""The systems as they really run: processes of their own, on the server of the tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import redis
from redis.asyncio import Redis

from streams_admin.demo.scenarios.crew import Crew, claim_keys
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers.client import connect

Play = Callable[..., Crew]


@pytest.fixture
def client(redis_client: redis.Redis, redis_url: str) -> Iterator[redis.Redis]:
    """A plain client of text, beside the systems; the server is empty when the test begins."""
    with contextlib.closing(redis.Redis.from_url(redis_url, protocol=2, decode_responses=True)) as plain:
        yield plain


@pytest.fixture
def play(client: redis.Redis, redis_url: str) -> Iterator[Play]:
    """Start a system, or some of its roles, with options; it ends with the test, without being asked.

    How it ends by itself is tested elsewhere.
    """
    crews: list[Crew] = []

    def start(name: str, *roles: str, **options: Any) -> Crew:
        crew = Crew(name, Options(**options), redis_url)
        crews.append(crew)
        claim_keys(client, name, crew.options)
        for role in roles:
            crew.restart(role)
        if not roles:
            crew.start()
        return crew

    yield start
    for crew in crews:
        for role in crew.living():
            crew.kill(role)
        crew.stop()


@pytest_asyncio.fixture
async def service(client: redis.Redis, redis_url: str) -> AsyncIterator[Redis]:
    """The client that every process of a system uses."""
    connected = connect(redis_url)
    yield connected
    await connected.aclose()
