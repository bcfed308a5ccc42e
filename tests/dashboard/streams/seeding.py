"""Streams for the tests: hostile names, IDs that are known beforehand, pending entries of any age."""

from __future__ import annotations

import redis

KEY = b"or\xffders:{a b}/\x00\r\n*"
GROUP = b"bill\xfeing\r\n>"
WORKER = b"w\x00rker\xfd-1 $"
OTHER = b""
"""A consumer may be called nothing at all."""


def fill(client: redis.Redis, count: int, *, key: bytes = KEY, size: int = 1) -> None:
    """Entries 1-0 to `count`-0, each {n: its number}, padded to `size` bytes."""
    pipe = client.pipeline(transaction=False)
    for number in range(1, count + 1):
        pipe.xadd(key, {"n": str(number).rjust(size)}, id=f"{number}-0")
    pipe.execute()


def group(client: redis.Redis, *, read: int, key: bytes = KEY, name: bytes = GROUP, consumer: bytes = WORKER) -> None:
    """A group from the start, in which `consumer` has read and not acknowledged the first `read` entries."""
    client.xgroup_create(key, name, id="0", mkstream=True)
    if read:
        client.xreadgroup(name, consumer, {key: ">"}, count=read)


def neglect(client: redis.Redis, id_: str, *, idle_ms: int, deliveries: int = 1, consumer: bytes = WORKER) -> None:
    """A pending entry as if it had been delivered `idle_ms` ago for the `deliveries`-th time."""
    client.execute_command("XCLAIM", KEY, GROUP, consumer, 0, id_, "IDLE", idle_ms, "RETRYCOUNT", deliveries)
