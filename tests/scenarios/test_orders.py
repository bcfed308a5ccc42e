"""Orders survive their workers: twenty kills, every order processed, its effect once, and each death seen at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

import pytest
import redis
from redis.asyncio import Redis

from dashboard.fleet.findings.model import Limits
from dashboard.fleet.memory import Memory
from dashboard.streams.links import Server
from dashboard.streams.queries import Query
from dashboard.streams.queries.sampling import SampleStreams, StreamSample
from streams_admin.demo.scenarios import orders
from streams_admin.demo.scenarios.crew import Crew
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers.client import ensure_group
from tests.scenarios.conftest import Play
from tests.scenarios.waiting import held, settled, until

LATE_MS = 700
SAMPLE_EVERY = 0.25
KILLS = 20
WORKERS = [f"worker-{n}" for n in range(1, 5)]


class Judge:
    """The dashboard's sampling and judgement, a round at a time, with thresholds that a test can wait for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.memory = Memory(Limits(late_ms=LATE_MS, stuck_ms=60_000))
        self._due = 0.0

    def round(self) -> set[str]:
        """The consumers that findings name after this round."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + SAMPLE_EVERY
        key = orders.STREAM.encode()
        query: Query[object] = SampleStreams((key,), self.server.capabilities())  # type: ignore[assignment]
        sample = self.server.run(query)[key]  # type: ignore[index]
        assert isinstance(sample, StreamSample)
        return {f.consumer.decode() for f in self.memory.take(sample).findings if f.consumer}


def kill_two(crew: Crew, client: redis.Redis, rng: random.Random) -> set[str]:
    """Kill two workers at a random moment; those of them that died with work in hand."""
    time.sleep(rng.uniform(0, 0.3))
    victims = rng.sample(WORKERS, 2)
    for name in victims:
        crew.kill(name)
    return {name for name in victims if held(client, orders.STREAM, orders.GROUP, name)}


def rounds_until_named(judge: Judge, dead: set[str], died: float) -> int:
    """Sample rounds after the moment from which the deaths can be called late, until all are named."""
    rounds = 0
    while not dead <= judge.round():
        rounds += time.monotonic() >= died + LATE_MS / 1000
        assert rounds <= 2, f"{dead} not named"
    return rounds


@pytest.fixture
def crew(play: Play) -> Crew:
    return play("orders", rate=80, workers=len(WORKERS), work_time=0.4, users=50, seed=1)


def test_twenty_kills(crew: Crew, client: redis.Redis, server: Server) -> None:
    rng, judge, with_work = random.Random(2), Judge(server), 0
    until(lambda: client.exists(orders.STREAM) and len(client.xinfo_consumers(orders.STREAM, orders.GROUP)) == 4)
    for _ in range(KILLS // 2):
        dead = kill_two(crew, client, rng)
        with_work += len(dead)
        rounds_until_named(judge, dead, died=time.monotonic())
        for name in WORKERS:
            if name not in crew.living():
                crew.restart(name)
        until(lambda judge=judge, dead=dead: not dead & judge.round(), within=8)
    assert with_work >= KILLS // 2
    crew.end("producer")
    until(lambda: settled(client, orders.STREAM, orders.GROUP), within=15)
    check_every_order_was_applied_once(client)


def check_every_order_was_applied_once(client: redis.Redis) -> None:
    entries = client.xrange(orders.STREAM)
    assert len(entries) > 500
    if "entries-added" in (facts := client.xinfo_stream(orders.STREAM)):
        assert facts["entries-added"] == len(entries)
    assert all(client.mget([f"orders:done:{id_}" for id_, _ in entries]))
    wanted: Counter[str] = Counter()
    for _, order in entries:
        wanted[order["productId"]] += int(order["quantity"])
    assert {product: int(n) for product, n in client.hgetall("orders:sold").items()} == wanted
    assert client.xlen(f"{orders.STREAM}:dlq") == 0


def test_a_crash_is_mended_by_colleagues_and_poison_put_aside(play: Play, client: redis.Redis) -> None:
    """The options of the command: one worker crashes, the others reclaim, and nobody works on poison for ever."""
    options = {"rate": 60, "workers": 3, "work_time": 0.2, "poison_rate": 0.03, "seed": 4}
    crew = play("orders", crash_after=1.0, reclaim_after=1.5, give_up_after=2, **options)
    until(lambda: "worker-2" not in crew.living(), within=10)
    crew.end("producer")
    until(lambda: settled(client, orders.STREAM, orders.GROUP), within=15)
    poison = {id_ for id_, order in client.xrange(orders.STREAM) if order["quantity"] == "many"}
    aside = client.xrange(f"{orders.STREAM}:dlq")
    assert poison
    assert sorted(fields["origin_id"] for _, fields in aside) == sorted(poison)
    assert all(int(fields["deliveries"]) >= 2 for _, fields in aside)


async def test_an_order_in_two_hands_has_one_effect(service: Redis, client: redis.Redis) -> None:
    """A slow worker whose order was claimed by a colleague applies it as well: the count does not change."""
    await ensure_group(service, orders.STREAM, orders.GROUP)
    order = {"productId": "prod-1", "userId": "user-1", "quantity": "3", "timestamp": "0"}
    id_ = client.xadd(orders.STREAM, order)
    client.xreadgroup(orders.GROUP, "worker-1", {orders.STREAM: ">"})
    slow, quick = (orders.processor(service, Options(), name) for name in ("worker-1", "worker-2"))
    await asyncio.gather(slow(id_, order), quick(id_, order))
    assert client.hgetall("orders:sold") == {"prod-1": "3"}
    assert settled(client, orders.STREAM, orders.GROUP)
