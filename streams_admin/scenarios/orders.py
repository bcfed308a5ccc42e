"""Order processing: shops add orders, a group of workers processes each exactly once in effect, one worker crashes."""

from __future__ import annotations

import asyncio
import random
import time

from redis.asyncio import Redis

from streams_admin.scenarios.client import ensure_group, keep_going, sleep
from streams_admin.scenarios.options import Options, Role
from streams_admin.scenarios.worker import Fields, Habits, Handler, Worker

NAME = "orders"
STREAM = "orders:new"
KEYS = ("orders:",)
"""What the names of all its keys begin with."""
GROUP = "order_processors"
MAXLEN = 10_000
DONE_FOR = 86_400
"""Seconds for which a processed order is remembered, so that a second delivery has no second effect."""

APPLY = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  redis.call('HINCRBY', KEYS[2], ARGV[3], ARGV[4])
end
return redis.call('XACK', KEYS[3], ARGV[5], ARGV[6])
"""
"""Mark the order as done, count what was sold, acknowledge: all or nothing, and the count only the first time."""


def roles(options: Options) -> list[Role]:
    """A producer and the workers; worker-2 crashes when asked to."""
    return ["producer", *(f"worker-{n}" for n in range(1, options.workers_or(3) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    await keep_going(stop, lambda: _run(role, redis, options, stop))


async def _run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    stream = options.key(STREAM)
    await ensure_group(redis, stream, GROUP)
    if role == "producer":
        await produce(redis, options, stop)
    else:
        crash_after = options.crash_after if role == "worker-2" else None
        habits = Habits(reclaim_after=options.reclaim_after, crash_after=crash_after)
        handle = processor(redis, options)
        await Worker(redis, stream=stream, group=GROUP, name=role, handle=handle, habits=habits).run(stop)


async def produce(redis: Redis, options: Options, stop: asyncio.Event) -> None:
    """Orders at a steady rate; a few are poison (their quantity is no number)."""
    rng = random.Random(options.seed)
    while not stop.is_set():
        await redis.xadd(options.key(STREAM), order(rng, options.poison_rate), maxlen=MAXLEN, approximate=True)
        await sleep(stop, 1 / options.rate_or(4))


def order(rng: random.Random, poison_rate: float) -> Fields:
    return {
        "productId": f"prod-{rng.randint(1, 200)}",
        "userId": f"user-{rng.randint(1, 5000)}",
        "quantity": "many" if rng.random() < poison_rate else str(rng.randint(1, 5)),
        "timestamp": str(int(time.time() * 1000)),
    }


def processor(redis: Redis, options: Options) -> Handler:
    """The handler of a worker: takes a moment, then applies the order and acknowledges it in one step."""
    apply = redis.register_script(APPLY)
    rng = random.Random()
    stream, sold = options.key(STREAM), options.key("orders:sold")

    async def handle(id_: str, fields: Fields) -> None:
        quantity = int(fields["quantity"])
        await asyncio.sleep(rng.uniform(0.02, 0.15))
        done = options.key(f"orders:done:{id_}")
        await apply(keys=[done, sold, stream], args=[id_, DONE_FOR, fields["productId"], quantity, GROUP, id_])

    return handle
