"""What each page and read stands for, as somebody with redis-py would write it: same figures, parsed by redis-py.

Commands that do not need each other's replies go in one pipeline, as they do in the product.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis

from tests.world import GROUP, STREAM

DONE_KEYS = 400
"""Streams that are asked about in one pipeline."""


def fleet(client: redis.Redis) -> object:
    """All streams with their groups and what is pending in them: what lists, findings and search are made of."""
    keys = list(client.scan_iter(count=1000, _type="stream"))
    found = []
    for at in range(0, len(keys), DONE_KEYS):
        chunk = keys[at : at + DONE_KEYS]
        with client.pipeline(transaction=False) as pipe:
            for key in chunk:
                pipe.xinfo_stream(key).xinfo_groups(key)
            replies = pipe.execute()
        found += zip(chunk, replies[::2], replies[1::2], strict=True)
    return found, _pending(client, [(key, group["name"]) for key, _, groups in found for group in groups])


def _pending(client: redis.Redis, groups: Iterable[tuple[bytes, bytes]]) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for key, group in groups:
            pipe.xinfo_consumers(key, group).xpending_range(key, group, "-", "+", 100)
        return list(pipe.execute())


def overview(client: redis.Redis, *, memory: bool = True) -> object:
    """A stream and its groups, and the oldest pending entry."""
    with client.pipeline(transaction=False) as pipe:
        pipe.time().xinfo_stream(STREAM).xinfo_groups(STREAM)
        if memory:
            pipe.memory_usage(STREAM, samples=1000)
        return pipe.execute(), client.xpending_range(STREAM, GROUP, "-", "+", 1)


def stream(client: redis.Redis, *, count: int = 51) -> object:
    return overview(client), client.xrevrange(STREAM, count=count)


def stream_where(client: redis.Redis) -> object:
    entries = client.xrevrange(STREAM, count=2000)
    return overview(client), [entry for entry in entries if entry[1][b"status"] == b"paid"][:50]


def group(client: redis.Redis) -> object:
    """Its figures, its consumers, and the oldest pending entry."""
    with client.pipeline(transaction=False) as pipe:
        pipe.time().xinfo_stream(STREAM).xinfo_groups(STREAM).xinfo_consumers(STREAM, GROUP)
        pipe.xpending(STREAM, GROUP).xpending_range(STREAM, GROUP, "-", "+", 1)
        return pipe.execute()


def group_page(client: redis.Redis) -> object:
    return group(client), pending(client, 50)


def group_filtered(client: redis.Redis) -> object:
    return group(client), pending_filtered(client, 50)


def pending(client: redis.Redis, count: int) -> object:
    """A page of pending entries with their payloads."""
    rows = client.xpending_range(STREAM, GROUP, "-", "+", count + 1)
    return bodies(client, rows[:count])


def pending_filtered(client: redis.Redis, count: int) -> object:
    """IDLE would make the server walk the whole list: looked through here, 2,000 at a time."""
    rows = client.xpending_range(STREAM, GROUP, "-", "+", 2000)
    return bodies(client, [row for row in rows if row["time_since_delivered"] >= 1000][:count])


def bodies(client: redis.Redis, rows: Iterable[dict[str, Any]]) -> object:
    with client.pipeline(transaction=False) as pipe:
        for row in rows:
            pipe.xrange(STREAM, row["message_id"], row["message_id"], count=1)
        return pipe.execute()


def entries(client: redis.Redis, count: int) -> object:
    return client.xinfo_stream(STREAM), client.xrange(STREAM, count=count + 1)


def entry(client: redis.Redis, id_: str) -> object:
    """An entry, its neighbours, and where it is in both groups."""
    with client.pipeline(transaction=False) as pipe:
        pipe.time().xinfo_stream(STREAM).xinfo_groups(STREAM).xrange(STREAM, id_, id_, count=1)
        pipe.xrevrange(STREAM, f"({id_}", "-", count=1).xrange(STREAM, f"({id_}", "+", count=1)
        found = pipe.execute()
        for each in found[2]:
            pipe.xpending_range(STREAM, each["name"], id_, id_, 1)
        return found, pipe.execute()


def weights(client: redis.Redis, keys: list[bytes]) -> object:
    """The list of streams, and what fifty of them weigh."""
    found = fleet(client)
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=1000)
        return found, pipe.execute()
