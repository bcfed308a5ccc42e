"""IoT data: ten readings a second, two workers that take over from each other after five idle seconds."""

from __future__ import annotations

import asyncio
import random
import time

from redis import Redis as SyncRedis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import progress as figures
from streams_admin.demo.scenarios.options import Options, Role
from streams_admin.demo.scenarios.workers.client import ticks
from streams_admin.demo.scenarios.workers.reclaim import Fields
from streams_admin.demo.scenarios.workers.roles import produce_or_work
from streams_admin.demo.scenarios.workers.worker import Habits, Handler, Worker

NAME = "iot"
STREAM = "iot_data_stream"
KEYS = ("iot_data_stream",)
"""What the names of all its keys begin with."""
WRITES = ("iot_data_stream", "iot_data_stream:dlq")
GROUP = "data_processors"
MAXLEN = 5000
RATE = 10.0
RECLAIM_AFTER = 5.0


def roles(options: Options) -> list[Role]:
    return [*options.producers(), *(f"processor-{n}" for n in range(1, options.workers_or(2) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    await produce_or_work(role, redis, options, stop, produce=produce, worker=worker)


def worker(name: Role, redis: Redis, options: Options) -> Worker:
    """A reading takes 0.1 to 0.5 s; ten are worked on together, so that two workers keep up with ten a second.

    When a read brings nothing, and every 1.5 s in any case, it looks at its pending list and for abandoned readings.
    """
    habits = Habits(
        together=10,
        reclaim_after=options.reclaim_or(RECLAIM_AFTER),
        give_up_after=options.give_up_after,
        crash_after=options.crash_after if name == "processor-2" else None,
    )
    stream = options.key(STREAM)
    return Worker(redis, stream=stream, group=GROUP, name=name, handle=processor(redis, options), habits=habits)


async def produce(redis: Redis, options: Options, rng: random.Random, stop: asyncio.Event) -> None:
    """Readings at a steady rate; the stream keeps about the last 5,000. A broken device sends no number."""
    async for _ in ticks(stop, options.rate_or(RATE)):
        await redis.xadd(options.key(STREAM), reading(rng, options), maxlen=MAXLEN, approximate=True)


def reading(rng: random.Random, options: Options) -> Fields:
    return {
        "device_id": f"device-{rng.randint(1, options.users_or(40)):03d}",
        "temperature": "n/a" if rng.random() < options.poison_rate else f"{rng.gauss(60, 8):.1f}",
        "pressure": f"{rng.gauss(1013, 12):.0f}",
        "timestamp": str(int(time.time() * 1000)),
    }


def processor(redis: Redis, options: Options) -> Handler:
    """Works on a reading, then acknowledges it. Working on it twice does no harm."""
    rng = random.Random()
    stream = options.key(STREAM)

    async def handle(id_: str, fields: Fields) -> None:
        float(fields["temperature"])
        await asyncio.sleep(rng.uniform(0.1, 0.5) * options.work_time)
        await redis.xack(stream, GROUP, id_)

    return handle


def progress(client: SyncRedis, options: Options) -> str:
    return figures.of_stream(client, options.key(STREAM))
