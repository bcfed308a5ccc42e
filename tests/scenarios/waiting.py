"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import redis


def until(holds: Callable[[], object], within: float = 20.0, every: float = 0.03) -> None:
    """Wait until it holds. Fails when it does not in time. A stream or group that is not there yet holds nothing."""
    deadline = time.monotonic() + within
    while not _holds(holds):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(every)


def _holds(holds: Callable[[], object]) -> bool:
    try:
        return bool(holds())
    except redis.ResponseError:
        return False


async def auntil(holds: Callable[[], object], within: float = 20.0, every: float = 0.02) -> None:
    """The same beside other tasks."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(every)


def settled(client: redis.Redis, stream: str, group: str) -> bool:
    """Whether the group was delivered everything, and acknowledged it."""
    if not client.exists(stream):
        return False
    last = client.xinfo_stream(stream)["last-generated-id"]
    row = next((row for row in client.xinfo_groups(stream) if row["name"] == group), None)
    return row is not None and row["pending"] == 0 and row["last-delivered-id"] == last


def held(client: redis.Redis, stream: str, group: str, consumer: str) -> list[str]:
    """IDs that are pending with a consumer."""
    return [row["message_id"] for row in client.xpending_range(stream, group, "-", "+", 1000, consumer)]
