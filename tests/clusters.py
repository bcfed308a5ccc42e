"""A whole Redis Cluster of one node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from streams_admin.demo import embedded
from tests.servers import chosen

SLOTS = 16_384


@contextmanager
def cluster_of_one() -> Iterator[redis.Redis]:
    """A plain client of it, when all slots are served."""
    port = next(port for port in iter(embedded.free_port, None) if port < 55_000)  # its bus listens 10,000 above
    options = ("--cluster-enabled", "yes")
    with embedded.start(chosen(), port=port, options=options) as running, redis.Redis.from_url(running.url) as client:
        for first in range(0, SLOTS, 1024):
            client.execute_command("CLUSTER", "ADDSLOTS", *range(first, first + 1024))
        until = time.monotonic() + 10
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO") and time.monotonic() < until:
            time.sleep(0.05)
        yield client


def address(node: redis.Redis) -> str:
    """Its URL."""
    return f"redis://127.0.0.1:{node.connection_pool.connection_kwargs['port']}"
