"""Sensor readings: one producer, plain readers that need no group, and a group that shares the readings."""

from __future__ import annotations

import asyncio
import logging
import random

from redis.asyncio import Redis

from streams_admin.scenarios.client import BLOCK_MS, ensure_group, keep_going, sleep
from streams_admin.scenarios.options import Options, Role
from streams_admin.scenarios.worker import Fields, Handler, Worker

log = logging.getLogger("scenario")

NAME = "sensors"
STREAM = "sensor_readings"
KEYS = ("sensor_readings",)
"""What the names of all its keys begin with."""
GROUP = "analytics_group"
MAXLEN = 1000
PLACES = ("hall", "kitchen", "roof", "cellar", "garden")


def roles(options: Options) -> list[Role]:
    """A producer, a reader without a group, and the consumers of the group."""
    return ["producer", "reader", *(f"consumer-{n}" for n in range(1, options.workers_or(2) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    await keep_going(stop, lambda: _run(role, redis, options, stop))


async def _run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    if role == "producer":
        await produce(redis, options, stop)
    elif role == "reader":
        await read(redis, options.key(STREAM), stop)
    else:
        stream = options.key(STREAM)
        await ensure_group(redis, stream, GROUP)
        await Worker(redis, stream=stream, group=GROUP, name=role, handle=analyst(redis, stream)).run(stop)


async def produce(redis: Redis, options: Options, stop: asyncio.Event) -> None:
    rng = random.Random(options.seed)
    while not stop.is_set():
        await redis.xadd(options.key(STREAM), reading(rng), maxlen=MAXLEN, approximate=True)
        await sleep(stop, 1 / options.rate_or(1))


def reading(rng: random.Random) -> Fields:
    number = rng.randrange(len(PLACES))
    return {
        "sensorId": f"sensor-{number + 1}",
        "temperature": f"{rng.gauss(21, 2):.1f}",
        "humidity": f"{rng.gauss(48, 6):.0f}",
        "location": PLACES[number],
    }


async def read(redis: Redis, stream: str, stop: asyncio.Event) -> None:
    """The last five readings, then every new one: XREVRANGE, XREAD BLOCK from `$`, and on from the last ID seen."""
    for id_, fields in await redis.xrevrange(stream, count=5):
        log.debug("earlier: %s %s", id_, fields)
    after = "$"
    while not stop.is_set():
        for _, entries in await redis.xread({stream: after}, count=100, block=BLOCK_MS):
            after = entries[-1][0]


def analyst(redis: Redis, stream: str) -> Handler:
    """A consumer that looks at a reading and acknowledges it."""

    async def handle(id_: str, fields: Fields) -> None:
        float(fields["temperature"])
        await redis.xack(stream, GROUP, id_)

    return handle
