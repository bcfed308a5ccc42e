"""What the roles of most systems do: one adds entries, the others work on them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from streams_admin.demo.scenarios.options import Options, Role
from streams_admin.demo.scenarios.workers.client import keep_going
from streams_admin.demo.scenarios.workers.worker import Worker

Produce = Callable[[Redis, Options, random.Random, asyncio.Event], Awaitable[None]]
Hire = Callable[[Role, Redis, Options], Worker]


async def produce_or_work(
    role: Role, redis: Redis, options: Options, stop: asyncio.Event, *, produce: Produce, worker: Hire
) -> None:
    """Play "producer" or a worker until `stop`. A producer that fails begins again where its random numbers are."""
    if role == "producer":
        rng = random.Random(options.seed)
        await keep_going(stop, lambda: produce(redis, options, rng, stop))
    else:
        await worker(role, redis, options).run(stop)
