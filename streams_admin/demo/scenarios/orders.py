"""Order processing: shops add orders, a group of workers processes each exactly once in effect, one worker crashes.

What a crashed worker had in hand stays pending until a person claims it for a colleague in the dashboard, or, with
`--reclaim`, until a colleague takes it over.
"""

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

NAME = "orders"
STREAM = "orders:new"
KEYS = ("orders:",)
"""What the names of all its keys begin with."""
WRITES = ("orders:new", "orders:new:dlq", "orders:sold", "orders:done:*")
GROUP = "order_processors"
MAXLEN = 10_000
RATE = 4.0
RECLAIM_AFTER = 10.0
DONE_FOR = 3600
"""Seconds for which a processed order is remembered, so that a second delivery has no second effect. The effect and
the acknowledgement are one step, so a second delivery is one that somebody has in hand already."""

APPLY = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  redis.call('HINCRBY', KEYS[2], ARGV[3], ARGV[4])
end
return redis.call('XACK', KEYS[3], ARGV[5], ARGV[6])
"""
"""Mark the order as done, count what was sold, acknowledge: all or nothing, and the count only the first time."""


def roles(options: Options) -> list[Role]:
    """A producer and the workers; worker-2 crashes when asked to."""
    return [*options.producers(), *(f"worker-{n}" for n in range(1, options.workers_or(3) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    await produce_or_work(role, redis, options, stop, produce=produce, worker=worker)


def worker(name: Role, redis: Redis, options: Options) -> Worker:
    """Batches are small, so that a worker looks at its pending list at least every two seconds."""
    habits = Habits(
        batch=5,
        reclaim_after=options.reclaim_if_asked(RECLAIM_AFTER),
        give_up_after=options.give_up_after,
        crash_after=options.crash_after if name == "worker-2" else None,
    )
    handle = processor(redis, options, name)
    return Worker(redis, stream=options.key(STREAM), group=GROUP, name=name, handle=handle, habits=habits)


async def produce(redis: Redis, options: Options, rng: random.Random, stop: asyncio.Event) -> None:
    """Orders at a steady rate; a few are poison (their quantity is no number)."""
    async for _ in ticks(stop, options.rate_or(RATE)):
        fields = order(rng, options)
        await redis.xadd(options.key(STREAM), fields, maxlen=MAXLEN, approximate=True)


def order(rng: random.Random, options: Options) -> Fields:
    return {
        "productId": f"prod-{rng.randint(1, 200)}",
        "userId": f"user-{rng.randint(1, options.users_or(5000))}",
        "quantity": "many" if rng.random() < options.poison_rate else str(rng.randint(1, 5)),
        "timestamp": str(int(time.time() * 1000)),
    }


def processor(redis: Redis, options: Options, name: Role) -> Handler:
    """The handler of a worker: takes a moment, then applies the order and acknowledges it in one step."""
    apply = redis.register_script(APPLY)
    rng = random.Random()
    stream, sold = options.key(STREAM), options.key("orders:sold")

    async def handle(id_: str, fields: Fields) -> None:
        quantity = int(fields["quantity"])
        await asyncio.sleep(rng.uniform(0.02, 0.15) * options.work_time)
        done = options.key(f"orders:done:{id_}")
        await apply(keys=[done, sold, stream], args=[name, DONE_FOR, fields["productId"], quantity, GROUP, id_])

    return handle


def progress(client: SyncRedis, options: Options) -> str:
    stream = options.key(STREAM)
    dead = int(client.xlen(f"{stream}:dlq"))
    return figures.of_stream(client, stream) + (f"; {dead} dead-lettered" if dead else "")
