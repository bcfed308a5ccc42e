"""What a run of the model stands on: two servers, the way to them, and a database in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from dashboard.streams import links
from streams_admin.demo import embedded
from tests.conftest import Configure
from tests.faults.model.house import Place, small
from tests.faults.model.wire import wire
from tests.people import person, signed_in
from tests.servers import chosen


@pytest.fixture(scope="session")
def other_url() -> Iterator[str]:
    """Of a server that may answer under the same name."""
    with embedded.start(chosen()) as running:
        yield running.url


@pytest.fixture
def place(
    real_database: Path, redis_client: redis.Redis, redis_url: str, other_url: str, configure: Configure
) -> Iterator[Place]:
    configure(data_dir=real_database.parent)
    with wire(redis_url) as between, redis.Redis.from_url(other_url, protocol=2) as other, small():
        yield Place(redis_client, other, other_url, between, signed_in(person("vera", "admin")))
    links.configure([])
