"""While a system runs, the dashboard's figures are those of a plain client beside it, and streams stay at their bound.

Nothing moves while both look: CLIENT PAUSE WRITE holds every write back, and the systems wait in the middle of it.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.queries import GroupQuery, PendingQuery, StreamQuery
from streams_admin.demo.scenarios import carts, catalogue, iot, orders, sensors
from streams_admin.demo.scenarios.options import Options
from tests.scenarios.conftest import Play
from tests.scenarios.waiting import until

LOOKS = 4
NODE = 100
"""Entries of a stream are dropped by whole nodes, so a bound with ~ is exceeded by at most one."""
BUSY: dict[str, dict[str, Any]] = {
    "orders": {"rate": 100, "work_time": 0.3, "crash_after": 1.0, "poison_rate": 0.05},
    "sensors": {"rate": 150, "crash_after": 1.0},
    "iot": {"rate": 150, "work_time": 0.1, "crash_after": 1.0, "reclaim_after": 0.5},
    "notifications": {"rate": 60, "work_time": 0.2, "crash_after": 1.0},
    "carts": {"rate": 100, "users": 8, "crash_after": 1.0, "reclaim_after": 1.5},
}
BOUND = {"sensors": (sensors.STREAM, sensors.MAXLEN), "iot": (iot.STREAM, iot.MAXLEN)}


@contextlib.contextmanager
def stillness(client: redis.Redis) -> Iterator[None]:
    client.client_pause(5000, all=False)
    try:
        yield
    finally:
        client.client_unpause()


def compare(server: Server, client: redis.Redis, key: str) -> int:
    """Every figure of a stream and its groups; how many pending entries were compared."""
    seen = server.run(StreamQuery(key.encode(), server.capabilities()))
    told = client.xinfo_stream(key)
    assert seen.facts.length == client.xlen(key) == told["length"]
    assert str(seen.facts.last_generated_id) == told["last-generated-id"]
    assert seen.facts.entries_added == told.get("entries-added")
    assert [str(seen.facts.first_id), str(seen.facts.last_id)] == [told["first-entry"][0], told["last-entry"][0]]
    return sum(compare_group(server, client, key, row) for row in client.xinfo_groups(key))


def compare_group(server: Server, client: redis.Redis, key: str, row: dict[str, Any]) -> int:
    before = {consumer["name"]: consumer["idle"] for consumer in client.xinfo_consumers(key, row["name"])}
    seen = server.run(GroupQuery(key.encode(), row["name"].encode(), server.capabilities()))
    facts = seen.group
    assert (facts.consumers, facts.pending) == (row["consumers"], row["pending"])
    assert str(facts.last_delivered_id) == row["last-delivered-id"]
    assert facts.entries_read == row.get("entries-read")
    if facts.lag.value is not None and not facts.lag.approximate:
        assert facts.lag.value == len(client.xrange(key, min=f"({row['last-delivered-id']}"))
    told = {consumer["name"]: consumer for consumer in client.xinfo_consumers(key, row["name"])}
    assert {c.name.decode(): c.pending for c in seen.consumers} == {name: c["pending"] for name, c in told.items()}
    for name, idle in {c.name.decode(): c.idle_ms for c in seen.consumers}.items():
        after = told[name]["idle"]
        if after >= before[name]:  # else it did something in between
            assert before[name] <= idle <= after
    compare_pending(server, client, key, row["name"])
    return int(row["pending"])


def compare_pending(server: Server, client: redis.Redis, key: str, group: str) -> None:
    seen = server.run(PendingQuery(key.encode(), group.encode(), limit=500)).items
    told = client.xpending_range(key, group, "-", "+", 500)
    assert [(str(e.id), e.consumer.decode(), e.deliveries) for e in seen] == [
        (row["message_id"], row["consumer"], row["times_delivered"]) for row in told
    ]
    summary = client.xpending(key, group)
    assert summary["pending"] == sum(holder["pending"] for holder in summary["consumers"])
    for entry in seen[:20]:
        there = client.xrange(key, str(entry.id), str(entry.id))
        assert entry.body == ("present" if there else "gone")


def fill(client: redis.Redis, name: str) -> str:
    """Nearly up to the bound, as if the system had run for an hour. The first ID."""
    stream, maxlen = BOUND[name]
    module = sensors if name == "sensors" else iot
    rng = random.Random(1)
    with client.pipeline(transaction=False) as pipe:
        for _ in range(maxlen - 20):
            pipe.xadd(stream, module.reading(rng, Options()))
        return str(pipe.execute()[0])


@pytest.mark.parametrize("name", list(catalogue.SCENARIOS))
def test_figures_while_it_runs(play: Play, client: redis.Redis, server: Server, name: str) -> None:
    first = ""
    if name in BOUND:
        client.set(f"scenario:{name}", "ours")
        first = fill(client, name)
    crew = play(name, seed=1, **BUSY[name])
    key = "cart:events:3" if name == "carts" else catalogue.get(name).STREAM
    until(lambda: client.exists(key) and client.xinfo_groups(key))
    until(lambda: len(crew.living()) < len(crew.members))
    compared = 0
    for _ in range(LOOKS):
        with stillness(client):
            compared += compare(server, client, key)
        time.sleep(0.15)
    assert compared or name == "carts"
    if name in BOUND:
        _, maxlen = BOUND[name]
        until(lambda: client.xrange(key, count=1)[0][0] != first)
        assert maxlen <= client.xlen(key) <= maxlen + NODE


def test_every_system_says_how_it_goes(play: Play, client: redis.Redis) -> None:
    assert [catalogue.get(name).progress(client, Options()) for name in ("orders", "carts")] == [
        "nothing yet",
        "0 carts, 0 projected, 0 projectors",
    ]
    client.xadd(orders.STREAM, {"quantity": "1"})
    client.xgroup_create(orders.STREAM, orders.GROUP, "0")
    client.xreadgroup(orders.GROUP, "w", {orders.STREAM: ">"})
    assert catalogue.get("orders").progress(client, Options()).startswith("1 entries; order_processors: 1 pending")
    assert set(catalogue.SCENARIOS) == {"orders", "sensors", "iot", "notifications", carts.NAME}
