"""`python -m tests.scenarios.bench`: how fast a new projector rebuilds every cart, beside a bare read of the same logs.

One JSON object. `ratio` is the time of the bare pipelined read over the time of the rebuild: 1 would mean that
folding, fencing and writing cost nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable

import redis
from redis.asyncio import Redis

from streams_admin.demo import embedded
from streams_admin.demo.scenarios import carts
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.store.cart_store import GROUP, PAGE, CartStore
from streams_admin.demo.scenarios.store.leases import Leases
from streams_admin.demo.scenarios.store.projector import TOGETHER, Projector
from streams_admin.demo.scenarios.workers.client import connect

CARTS = 10_000
EVENTS = 20
"""Per cart."""
AT_LEAST = 0.5


def measured(url: str, count: int) -> dict[str, object]:
    """Seed `count` logs on an empty server, and rebuild their carts."""
    users = [str(n) for n in range(count)]
    with redis.Redis.from_url(url, protocol=2) as client:
        _seed(client, users)
        bare, rebuilt = asyncio.run(_in_turn(url, users))
        assert client.hlen("cart:applied") == count
    return {
        "bench": "carts rebuilt",
        "ratio": round(bare / rebuilt, 2),
        "at_least": AT_LEAST,
        "carts": count,
        "events": count * EVENTS,
        "carts_per_second": round(count / rebuilt),
        "bare_read_carts_per_second": round(count / bare),
    }


def _seed(client: redis.Redis, users: list[str]) -> None:
    rng, options = random.Random(1), Options()
    client.sadd("cart:users", *users)
    for at in range(0, len(users), TOGETHER):
        with client.pipeline(transaction=False) as pipe:
            for user in users[at : at + TOGETHER]:
                for _ in range(EVENTS):
                    pipe.xadd(f"cart:events:{user}", carts.event(rng, options))
                pipe.xgroup_create(f"cart:events:{user}", GROUP, "$")
            pipe.execute()


async def _in_turn(url: str, users: list[str]) -> tuple[float, float]:
    """Seconds for the bare read and for the rebuild, a pipeline of each in turn: what else the machine does hits both.

    A projector that is alone joins while the store is empty: from its first lease to its last cart.
    """
    service = connect(url)
    projector = Projector(service, CartStore(service, Options()), Leases(service, Options(), "projector-1", 60))
    bare, rebuilt = 0.0, await _seconds(projector.leases.renew()) + await _seconds(projector.leases.settle())
    for at in range(0, len(users), TOGETHER):
        part = users[at : at + TOGETHER]
        bare += await _seconds(_read(service, part))
        rebuilt += await _seconds(projector.adopt(part))
    await service.aclose()
    return bare, rebuilt


async def _read(service: Redis, users: list[str]) -> None:
    """The logs as the same client reads them in one pipeline; nothing is done with them."""
    async with service.pipeline(transaction=False) as pipe:
        for user in users:
            pipe.xrange(f"cart:events:{user}", count=PAGE)
        await pipe.execute()


async def _seconds(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.scenarios.bench", description=__doc__)
    parser.add_argument("--carts", type=int, default=CARTS)
    given = parser.parse_args()
    with embedded.start() as running:
        print(json.dumps(measured(running.url, given.carts)), flush=True)


if __name__ == "__main__":
    main()
