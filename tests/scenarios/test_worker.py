"""The consumer that every system uses: what it does with its own, with others' and with what nobody can handle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
import redis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import orders
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers.client import ensure_group
from streams_admin.demo.scenarios.workers.reclaim import Fields, Reclaim
from streams_admin.demo.scenarios.workers.worker import Habits, Worker
from tests.scenarios.waiting import auntil, held

STREAM, GROUP = "jobs", "workers"
ORDER = {"productId": "prod-1", "userId": "user-1", "quantity": "1", "timestamp": "0"}


class Log:
    """A handler that remembers what it handled; an entry that says "bad" fails."""

    def __init__(self, service: Redis) -> None:
        self.service = service
        self.seen: list[str] = []

    async def __call__(self, id_: str, fields: Fields) -> None:
        self.seen.append(fields["n"])
        if fields["n"] == "bad":
            raise KeyError("n")
        await self.service.xack(STREAM, GROUP, id_)


@contextlib.asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[asyncio.Event]:
    """The worker runs beside the test, and ends in order."""
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 5)


def make(service: Redis, log: Log, name: str = "w1", **habits: object) -> Worker:
    quick = Habits(**{"look_back_every": 0.05, **habits})  # type: ignore[arg-type]
    return Worker(service, stream=STREAM, group=GROUP, name=name, handle=log, habits=quick)


def add(client: redis.Redis, *values: str) -> list[str]:
    return [client.xadd(STREAM, {"n": value}) for value in values]


def left_with(client: redis.Redis, consumer: str, *values: str) -> list[str]:
    """Entries that a consumer read and never acknowledged."""
    ids = add(client, *values)
    with contextlib.suppress(redis.ResponseError):
        client.xgroup_create(STREAM, GROUP, "0")
    client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=len(values))
    return ids


def nothing_pending(client: redis.Redis) -> Callable[[], bool]:
    return lambda: bool(client.exists(STREAM)) and client.xpending(STREAM, GROUP)["pending"] == 0


async def test_it_goes_on_with_what_it_had_in_hand_before_a_crash(service: Redis, client: redis.Redis) -> None:
    left_with(client, "w1", "1", "2", "3")
    log = Log(service)
    async with at_work(make(service, log, batch=2)):
        add(client, "4")
        await auntil(lambda: len(log.seen) == 4)
        await auntil(nothing_pending(client))
    assert log.seen == ["1", "2", "3", "4"]


async def test_what_is_claimed_for_it_is_processed_within_two_seconds_also_while_new_orders_come(
    service: Redis, client: redis.Redis
) -> None:
    """With the habits of the orders as they are."""
    await ensure_group(service, orders.STREAM, orders.GROUP)
    ids = [client.xadd(orders.STREAM, ORDER) for _ in range(5)]
    client.xreadgroup(orders.GROUP, "dead", {orders.STREAM: ">"}, count=5)
    async with at_work(orders.worker("worker-1", service, Options())), feeding(client):
        await asyncio.sleep(0.3)
        client.xclaim(orders.STREAM, orders.GROUP, "worker-1", 0, ids, justid=True)
        await auntil(lambda: all(client.exists(f"orders:done:{id_}") for id_ in ids), within=2.5)
    assert client.xlen(orders.STREAM) > 15


@contextlib.asynccontextmanager
async def feeding(client: redis.Redis) -> AsyncIterator[None]:
    async def feed() -> None:
        while True:
            client.xadd(orders.STREAM, ORDER)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(feed())
    try:
        yield
    finally:
        task.cancel()


async def test_it_takes_over_what_was_abandoned_and_counts_one_delivery(service: Redis, client: redis.Redis) -> None:
    """Valkey, and Redis before 8.4, refuse CLAIM when reading: then by XAUTOCLAIM."""
    abandoned = left_with(client, "dead", "1", "bad")
    client.xclaim(STREAM, GROUP, "dead", 0, abandoned, idle=60_000, justid=True)
    log = Log(service)
    async with at_work(make(service, log, reclaim_after=30.0, look_back_every=0.8)) as stop:
        await auntil(lambda: log.seen[:2] == ["1", "bad"])
        stop.set()
    (row,) = client.xpending_range(STREAM, GROUP, "-", "+", 10)
    assert (row["message_id"], row["consumer"]) == (abandoned[1], "w1")
    assert row["times_delivered"] == 1 + log.seen.count("bad"), "one before, one for each try here"


async def test_it_leaves_what_others_have_in_hand(service: Redis, client: redis.Redis) -> None:
    busy = left_with(client, "busy", "1")
    log = Log(service)
    async with at_work(make(service, log, reclaim_after=60.0)):
        add(client, "2")
        await auntil(lambda: log.seen == ["2"])
        await asyncio.sleep(0.2)
    assert held(client, STREAM, GROUP, "busy") == busy


async def test_poison_is_tried_so_often_and_then_put_aside_whole(
    service: Redis, client: redis.Redis, redis_client: redis.Redis
) -> None:
    log = Log(service)
    bad = client.execute_command("XADD", STREAM, "*", "n", "bad", "same", "1", "same", b"\xff")
    async with at_work(make(service, log, give_up_after=3)):
        add(client, "good")
        await auntil(lambda: client.xlen(f"{STREAM}:dlq") == 1)
        await auntil(nothing_pending(client))
    assert log.seen.count("bad") == 3
    assert log.seen.count("good") == 1
    redis_client.set_response_callback("XRANGE", lambda reply, **_: reply)
    ((_, fields),) = redis_client.execute_command("XRANGE", f"{STREAM}:dlq", "-", "+")
    assert fields[:6] == [b"n", b"bad", b"same", b"1", b"same", b"\xff"]
    told = dict(zip(fields[6::2], fields[7::2], strict=True))
    assert (told[b"origin_id"], told[b"deliveries"]) == (bad.encode(), b"3")
    assert (told[b"origin_stream"], told[b"origin_group"]) == (STREAM.encode(), GROUP.encode())


async def test_what_kills_its_worker_is_put_aside_untried(service: Redis, client: redis.Redis) -> None:
    (deadly,) = left_with(client, "dead", "deadly")
    client.xclaim(STREAM, GROUP, "dead", 0, [deadly], retrycount=3)
    log = Log(service)
    async with at_work(make(service, log, reclaim_after=0.05, give_up_after=3)):
        await auntil(lambda: client.xlen(f"{STREAM}:dlq") == 1)
    assert log.seen == []


async def test_of_two_that_put_the_same_aside_one_copies(service: Redis, client: redis.Redis) -> None:
    (bad,) = left_with(client, "w1", "bad")
    letters = make(service, Log(service))._dead_letters
    await asyncio.gather(*(letters._move("w1", bad, 3) for _ in range(5)))
    assert client.xlen(f"{STREAM}:dlq") == 1


async def test_an_entry_without_a_body_is_acknowledged(service: Redis, client: redis.Redis) -> None:
    gone, *_ = left_with(client, "w1", "1", "2")
    client.xdel(STREAM, gone)
    log = Log(service)
    async with at_work(make(service, log)):
        await auntil(nothing_pending(client))
    assert log.seen == ["2"]


async def test_an_orderly_end_leaves_nothing_pending(service: Redis, client: redis.Redis) -> None:
    add(client, *map(str, range(50)))

    class Slow(Log):
        async def __call__(self, id_: str, fields: Fields) -> None:
            await asyncio.sleep(0.01)
            await super().__call__(id_, fields)

    log = Slow(service)
    async with at_work(make(service, log)):
        await auntil(lambda: len(log.seen) > 3, every=0.001)
    assert 3 < len(log.seen) < 50
    assert nothing_pending(client)()


async def test_it_names_no_group_that_is_not_there(service: Redis, client: redis.Redis) -> None:
    """Else the dashboard would find a client with a wrong name (`no_group_errors`) whenever a system starts."""
    client.config_resetstat()
    log = Log(service)
    async with at_work(make(service, log)):
        add(client, "1")
        await auntil(lambda: log.seen == ["1"])
    assert "errorstat_NOGROUP" not in client.info("errorstats")


@pytest.mark.parametrize("loss", ["DEL", "XGROUP DESTROY"])
async def test_it_makes_the_group_again_when_it_was_lost(service: Redis, client: redis.Redis, loss: str) -> None:
    log = Log(service)
    async with at_work(make(service, log)):
        add(client, "1")
        await auntil(lambda: log.seen == ["1"])
        client.execute_command(*loss.split(), STREAM, *([GROUP] if " " in loss else []))
        add(client, "2")
        await auntil(lambda: log.seen[-1] == "2")


async def test_new_and_abandoned_entries_that_come_together_are_told_apart() -> None:
    """Redis 8.4: XREADGROUP ... CLAIM gives idle time and earlier deliveries with each entry."""

    class Answers:
        async def xreadgroup(self, *_: object, claim_min_idle_time: int, **__: object) -> object:
            assert claim_min_idle_time == 5000
            return [[STREAM, [("1-0", {"n": "1"}, 7000, 2), ("2-0", {"n": "2"}, 0, 0)]]]

    reclaim = Reclaim(Answers(), STREAM, GROUP, "w1", 5.0)  # type: ignore[arg-type]
    assert await reclaim.read(10, 1) == ([("2-0", {"n": "2"})], [("1-0", {"n": "1"})])
    assert await reclaim.take(10) == []
