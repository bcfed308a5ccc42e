"""Shopping carts: one log of events per user, and a group of projectors that turn each log into the current cart.

The log is the truth; the cart is a projection of it that can be thrown away and made again (`projector.py`). Thousands
of logs are shared by a few projectors (`leases.py`).
"""

from __future__ import annotations

import asyncio
import random
import time

from redis import Redis as SyncRedis
from redis.asyncio import Redis

from streams_admin.demo.scenarios.options import Options, Role
from streams_admin.demo.scenarios.store.cart_store import CartStore
from streams_admin.demo.scenarios.store.leases import Leases
from streams_admin.demo.scenarios.store.projector import Projector
from streams_admin.demo.scenarios.workers.client import keep_going, ticks
from streams_admin.demo.scenarios.workers.reclaim import Fields

NAME = "carts"
STREAM = "cart:events:*"
KEYS = ("cart:",)
"""What the names of all its keys begin with."""
WRITES = (
    "cart:events:*",
    "cart:current:*",
    "cart:users",
    "cart:applied",
    "cart:dlq",
    "cart:dlq:known",
    "cart:leases",
    "cart:projectors",
    "cart:fence",
)
RATE = 5.0
USERS = 50
SILENT_FOR = 5.0
KINDS = ("item:add", "item:remove", "cart:checkout")


def roles(options: Options) -> list[Role]:
    return [*options.producers(), *(f"projector-{n}" for n in range(1, options.workers_or(3) + 1))]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    if role == "producer":
        rng = random.Random(options.seed)
        await keep_going(stop, lambda: produce(redis, options, rng, stop))
    else:
        await projector(role, redis, options).run(stop)


def projector(name: Role, redis: Redis, options: Options) -> Projector:
    crash_after = options.crash_after if name == "projector-2" else None
    leases = Leases(redis, options, name, options.reclaim_or(SILENT_FOR))
    return Projector(redis, CartStore(redis, options), leases, crash_after=crash_after)


async def produce(redis: Redis, options: Options, rng: random.Random, stop: asyncio.Event) -> None:
    """Events of random users. A user is listed together with the first event: projectors look there for new ones."""
    async for _ in ticks(stop, options.rate_or(RATE)):
        user = str(rng.randint(1, options.users_or(USERS)))
        async with redis.pipeline(transaction=True) as pipe:
            pipe.sadd(options.key("cart:users"), user)
            pipe.xadd(options.key(f"cart:events:{user}"), event(rng, options))
            await pipe.execute()


def event(rng: random.Random, options: Options) -> Fields:
    kind = rng.choices(KINDS, weights=(70, 22, 8))[0]
    happened = {"eventType": kind, "timestamp": str(int(time.time() * 1000))}
    if kind == "cart:checkout":
        return happened
    quantity = "many" if rng.random() < options.poison_rate else str(rng.randint(1, 3))
    return {**happened, "itemId": f"item-{rng.randint(1, 12)}", "quantity": quantity}


def progress(client: SyncRedis, options: Options) -> str:
    users = int(client.scard(options.key("cart:users")))
    projected = int(client.hlen(options.key("cart:applied")))
    at_work = int(client.zcard(options.key("cart:projectors")))
    dead = int(client.xlen(options.key("cart:dlq")))
    return f"{users:,} carts, {projected:,} projected, {at_work} projectors" + (
        f"; {dead} dead-lettered" if dead else ""
    )
