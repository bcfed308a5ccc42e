"""IoT data: ten readings a second, a group of two workers, and whoever falls silent is relieved after five seconds."""

from __future__ import annotations

import asyncio
import random
import time

from redis.asyncio import Redis

from streams_admin.scenarios.client import ensure_group, keep_going, sleep
from streams_admin.scenarios.options import Options, Role
from streams_admin.scenarios.worker import Fields, Habits, Handler, Worker

NAME = "iot"
STREAM = "iot_data_stream"
KEYS = ("iot_data_stream",)
"""What the names of all its keys begin with."""
GROUP = "data_processors"
MAXLEN = 5000


def roles(options: Options) -> list[Role]:
    return ["producer", *(f"processor-{n}" for n in range(1, options.workers_or(2) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    await keep_going(stop, lambda: _run(role, redis, options, stop))


async def _run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    if role == "producer":
        await produce(redis, options, stop)
        return
    stream = options.key(STREAM)
    await ensure_group(redis, stream, GROUP)
    habits = Habits(together=10, look_back_every=2.5, reclaim_after=options.reclaim_after or 5.0)
    await Worker(redis, stream=stream, group=GROUP, name=role, handle=processor(redis, stream), habits=habits).run(stop)


async def produce(redis: Redis, options: Options, stop: asyncio.Event) -> None:
    rng = random.Random(options.seed)
    while not stop.is_set():
        await redis.xadd(options.key(STREAM), reading(rng), maxlen=MAXLEN, approximate=True)
        await sleep(stop, 1 / options.rate_or(10))


def reading(rng: random.Random) -> Fields:
    return {
        "device_id": f"device-{rng.randint(1, 40):03d}",
        "temperature": f"{rng.gauss(60, 8):.1f}",
        "pressure": f"{rng.gauss(1013, 12):.0f}",
        "timestamp": str(int(time.time() * 1000)),
    }


def processor(redis: Redis, stream: str) -> Handler:
    """Takes 0.1 to 0.5 s for a reading; ten are worked on together, so that two workers keep up."""
    rng = random.Random()

    async def handle(id_: str, fields: Fields) -> None:
        await asyncio.sleep(rng.uniform(0.1, 0.5))
        await redis.xack(stream, GROUP, id_)

    return handle
