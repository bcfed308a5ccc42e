"""Reading without a group: the last five, a stretch of time, and everything from now on."""

from __future__ import annotations

import asyncio
import random

import pytest
import redis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import sensors
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers import client as service_client
from streams_admin.demo.scenarios.workers import readers
from tests.scenarios.waiting import auntil


def add(client: redis.Redis, *numbers: int, at: str = "*") -> list[str]:
    return [client.xadd(sensors.STREAM, {"temperature": number}, id=at) for number in numbers]


async def test_the_last_five_newest_first(service: Redis, client: redis.Redis) -> None:
    ids = add(client, *range(8))
    found = await readers.latest(service, sensors.STREAM, 5)
    assert [id_ for id_, _ in found] == ids[:-6:-1]
    assert await readers.latest(service, "nothing", 5) == []


async def test_the_last_minute_page_by_page(
    service: Redis, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "PAGE", 5)
    add(client, 99, at="1-0")
    ids = add(client, *range(12))
    found = await readers.since(service, sensors.STREAM, seconds=60)
    assert [id_ for id_, _ in found] == ids
    assert sensors.mean(found) == 5.5


async def test_everything_from_now_on_and_nothing_from_before(service: Redis, client: redis.Redis) -> None:
    add(client, 1, 2)
    seen, stop, task = following(service)
    await auntil(lambda: client.info("clients")["blocked_clients"] == 1)
    add(client, 3)
    await auntil(lambda: seen == ["3"])
    add(client, 4, 5)
    await auntil(lambda: seen == ["3", "4", "5"])
    stop.set()
    add(client, 6)
    await task


async def test_what_comes_between_two_reads_is_not_skipped(service: Redis, client: redis.Redis) -> None:
    """The read from $ timed out; before the next one begins, something came."""
    add(client, 1)
    asked: list[str] = []
    original = service.xread

    async def late(streams: dict[str, str], **given: int) -> object:
        asked.extend(streams.values())
        if len(asked) == 1:
            add(client, 2)
            return []
        return await original(streams, **given)

    service.xread = late
    seen, stop, task = following(service)
    await auntil(lambda: seen == ["2"])
    stop.set()
    add(client, 3)
    await task
    assert asked[0] == "$"
    assert "$" not in asked[1:]


def following(service: Redis) -> tuple[list[str], asyncio.Event, asyncio.Task[None]]:
    seen: list[str] = []
    stop = asyncio.Event()

    async def follow() -> None:
        async for _, fields in readers.follow(service, sensors.STREAM, stop):
            seen.append(fields["temperature"])

    return seen, stop, asyncio.create_task(follow())


def test_a_mean_of_nothing_is_unknown_and_a_broken_sensor_does_not_count() -> None:
    assert sensors.mean([]) is None
    assert sensors.mean([("1-0", {"temperature": "n/a"}), ("2-0", {"temperature": "20"})]) == 20
    readings = [sensors.reading(random.Random(n), Options(poison_rate=1)) for n in range(3)]
    assert sensors.mean([("1-0", reading) for reading in readings]) is None


async def test_ticks_keep_the_rate_and_catch_up(service: Redis) -> None:
    stop, ticks = asyncio.Event(), 0
    asyncio.get_running_loop().call_later(0.5, stop.set)
    async for _ in service_client.ticks(stop, 100):
        ticks += 1
        if ticks == 10:
            await asyncio.sleep(0.2)
    assert 36 <= ticks <= 55


async def test_while_redis_is_away_a_service_waits_and_goes_on() -> None:
    stop, tries = asyncio.Event(), 0

    async def step() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise redis.ConnectionError("refused")
        stop.set()

    await asyncio.wait_for(service_client.keep_going(stop, step), 2)
    assert tries == 2
