"""Sensor readings: one producer, plain readers that need no group, and a group that shares the readings."""

from __future__ import annotations

import asyncio
import logging
import random

from redis import Redis as SyncRedis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import progress as figures
from streams_admin.demo.scenarios.options import Options, Role
from streams_admin.demo.scenarios.workers import readers
from streams_admin.demo.scenarios.workers.client import keep_going, ticks
from streams_admin.demo.scenarios.workers.reclaim import Fields
from streams_admin.demo.scenarios.workers.roles import produce_or_work
from streams_admin.demo.scenarios.workers.worker import Habits, Handler, Worker

log = logging.getLogger("scenario")

NAME = "sensors"
STREAM = "sensor_readings"
KEYS = ("sensor_readings",)
"""What the names of all its keys begin with."""
WRITES = ("sensor_readings", "sensor_readings:dlq")
GROUP = "analytics_group"
MAXLEN = 1000
RATE = 1.0
RECLAIM_AFTER = 30.0
PLACES = ("hall", "kitchen", "roof", "cellar", "garden")
SUMMARY_EVERY = 5.0


def roles(options: Options) -> list[Role]:
    """A producer, a reader without a group, and the consumers of the group."""
    return [*options.producers(), "reader", *(f"consumer-{n}" for n in range(1, options.workers_or(2) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    if role == "reader":
        await read(redis, options.key(STREAM), stop)
    else:
        await produce_or_work(role, redis, options, stop, produce=produce, worker=worker)


def worker(name: Role, redis: Redis, options: Options) -> Worker:
    habits = Habits(
        reclaim_after=options.reclaim_if_asked(RECLAIM_AFTER),
        give_up_after=options.give_up_after,
        crash_after=options.crash_after if name == "consumer-2" else None,
        crash_holding=3,
    )
    stream = options.key(STREAM)
    return Worker(redis, stream=stream, group=GROUP, name=name, handle=analyst(redis, stream), habits=habits)


async def produce(redis: Redis, options: Options, rng: random.Random, stop: asyncio.Event) -> None:
    """Readings at a steady rate; the stream keeps about the last thousand. A broken sensor sends no number."""
    async for _ in ticks(stop, options.rate_or(RATE)):
        await redis.xadd(options.key(STREAM), reading(rng, options), maxlen=MAXLEN, approximate=True)


def reading(rng: random.Random, options: Options) -> Fields:
    number = rng.randrange(options.users_or(len(PLACES)))
    return {
        "sensorId": f"sensor-{number + 1}",
        "temperature": "n/a" if rng.random() < options.poison_rate else f"{rng.gauss(21, 2):.1f}",
        "humidity": f"{rng.gauss(48, 6):.0f}",
        "location": PLACES[number % len(PLACES)],
    }


async def read(redis: Redis, stream: str, stop: asyncio.Event) -> None:
    """Three ways to look without a group: nobody's position moves, nothing becomes pending."""
    await asyncio.gather(
        keep_going(stop, lambda: _log_new(redis, stream, stop)),
        keep_going(stop, lambda: _log_summaries(redis, stream, stop)),
    )


async def _log_new(redis: Redis, stream: str, stop: asyncio.Event) -> None:
    async for id_, fields in readers.follow(redis, stream, stop):
        log.debug("new: %s %s", id_, fields)


async def _log_summaries(redis: Redis, stream: str, stop: asyncio.Event) -> None:
    async for _ in ticks(stop, 1 / SUMMARY_EVERY):
        for id_, fields in await readers.latest(redis, stream, 5):
            log.debug("one of the last five: %s %s", id_, fields)
        log.debug("mean of the last minute: %s", mean(await readers.since(redis, stream, seconds=60)))


def mean(entries: readers.Found) -> float | None:
    """Mean temperature; None when there is none. A sensor that sends no number does not count."""
    known = [float(t) for _, fields in entries if (t := fields.get("temperature", "")) not in ("", "n/a")]
    return round(sum(known) / len(known), 2) if known else None


def analyst(redis: Redis, stream: str) -> Handler:
    """A consumer that looks at a reading and acknowledges it."""

    async def handle(id_: str, fields: Fields) -> None:
        float(fields["temperature"])
        await redis.xack(stream, GROUP, id_)

    return handle


def progress(client: SyncRedis, options: Options) -> str:
    return figures.of_stream(client, options.key(STREAM))
