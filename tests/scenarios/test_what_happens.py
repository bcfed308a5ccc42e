"""What the tutorial says will happen, on a live server: who dies with what, where poison goes, what leaves no trace."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis
from redis.asyncio import Redis

from dashboard.fleet.findings.model import Limits
from dashboard.fleet.memory import Memory
from dashboard.streams.links import Server
from dashboard.streams.queries.sampling import SampleStreams, StreamSample
from streams_admin.demo import embedded
from streams_admin.demo.scenarios import iot, notifications, orders, sensors
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers import readers
from tests.scenarios.conftest import Play
from tests.scenarios.waiting import held, until

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "demo:"
CRASHES = [
    ("sensors", sensors.STREAM, sensors.GROUP, "consumer-2", 3),
    ("iot", iot.STREAM, iot.GROUP, "processor-2", 12),
    ("orders", orders.STREAM, orders.GROUP, "worker-2", 12),
    ("notifications", notifications.STREAM, notifications.GROUPS["email"], "email-2", 4),
]


def test_the_second_worker_dies_with_as_many_entries_as_its_page_says(play: Play, client: redis.Redis) -> None:
    """Nobody takes over in time, and every key begins with the prefix."""
    slow: dict[str, Any] = {"rate": 100, "crash_after": 0.3, "reclaim_after": 600, "prefix": PREFIX}
    crews = [play(name, "producer", second, **slow) for name, _, _, second, _ in CRASHES]
    play("carts", "producer", "projector-1", rate=100, users=5, prefix=PREFIX)
    for (_, stream, group, consumer, count), crew in zip(CRASHES, crews, strict=True):
        until(lambda crew=crew, consumer=consumer: consumer not in crew.living())
        assert len(held(client, PREFIX + stream, group, consumer)) == count
        assert consumer in {row["name"] for row in client.xinfo_consumers(PREFIX + stream, group)}, "still listed"
    until(lambda: client.exists(f"{PREFIX}cart:applied"))
    assert {key for key in client.scan_iter(count=1000) if not key.startswith(PREFIX)} == set()


POISON = [
    ("sensors", "consumer-1", f"{sensors.STREAM}:dlq", "temperature", "n/a"),
    ("iot", "processor-1", f"{iot.STREAM}:dlq", "temperature", "n/a"),
    ("orders", "worker-1", f"{orders.STREAM}:dlq", "quantity", "many"),
    ("notifications", "sms-1", f"{notifications.STREAM}:dlq", "message", ""),
    ("carts", "projector-1", "cart:dlq", "quantity", "many"),
]


def test_poison_lands_in_the_stream_that_the_page_names(play: Play, client: redis.Redis) -> None:
    for name, worker, *_ in POISON:
        play(name, "producer", worker, rate=40, users=5, poison_rate=1, give_up_after=1)
    for name, _, stream, field, value in POISON:
        until(lambda stream=stream: client.xlen(stream))
        ((_, entry),) = client.xrange(stream, count=1)
        assert entry[field] == value
        assert f"`{stream}`" in (ROOT / "docs" / "tutorial" / f"{name}.md").read_text()


async def test_reading_without_a_group_leaves_no_trace(service: Redis, client: redis.Redis) -> None:
    client.xgroup_create(sensors.STREAM, sensors.GROUP, mkstream=True)
    for n in range(8):
        client.xadd(sensors.STREAM, sensors.reading(random.Random(n), Options()))

    def seen() -> object:
        plain = client.execute_command("XINFO", "STREAM", sensors.STREAM, "FULL")
        return json.dumps(plain, sort_keys=True, default=str)

    before, stop = seen(), asyncio.Event()
    assert len(await readers.latest(service, sensors.STREAM, 5)) == 5
    assert len(await readers.since(service, sensors.STREAM, seconds=600)) == 8
    stop.set()
    assert [entry async for entry in readers.follow(service, sensors.STREAM, stop)] == []
    assert await service.xread({sensors.STREAM: "0"})
    assert seen() == before


def test_a_group_at_0_that_nobody_reads_in(client: redis.Redis, server: Server) -> None:
    """Its lag is the length of the stream, and it becomes a finding."""
    for n in range(7):
        client.xadd(notifications.STREAM, notifications.notification(random.Random(n), Options()))
    client.xgroup_create(notifications.STREAM, "mine", id="0")
    key, memory = notifications.STREAM.encode(), Memory(Limits(late_ms=1000))
    sample = server.run(SampleStreams((key,), server.capabilities()))[key]
    assert isinstance(sample, StreamSample)
    memory.take(sample)
    (finding,) = memory.take(replace(sample, now_ms=sample.now_ms + 2000)).findings
    assert (finding.label, finding.group, finding.count) == ("Nobody reading", b"mine", 7)
    (group,) = sample.groups
    assert group.facts.lag.value == sample.facts.length == 7


def test_the_server_of_the_demo_saves_nothing() -> None:
    with embedded.start(port=0) as running, redis.Redis.from_url(running.url, decode_responses=True) as client:
        assert client.config_get("save", "appendonly") == {"save": "", "appendonly": "no"}


@contextlib.contextmanager
def alone(role: str, options: dict[str, object], url: str) -> Iterator[subprocess.Popen[str]]:
    """One process of the sensors, as `scenario` starts it."""
    command = [sys.executable, "-m", "streams_admin.demo.scenarios.process", "sensors", role, json.dumps(options)]
    environment = {**os.environ, "REDIS_URL": url, "SCENARIO_CHILD": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, env=environment, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_verbose_prints_what_readers_see(client: redis.Redis, redis_url: str) -> None:
    client.xadd(sensors.STREAM, sensors.reading(random.Random(1), Options()))
    with alone("reader", {"verbose": True}, redis_url) as reader:
        until(lambda: client.info("clients")["blocked_clients"] == 1)
        client.xadd(sensors.STREAM, {"sensorId": "sensor-7", "temperature": "20"})
        assert reader.stderr
        assert any("new: " in line and "sensor-7" in line for line in iter(reader.stderr.readline, ""))


def test_without_it_they_are_silent(client: redis.Redis, redis_url: str) -> None:
    with alone("reader", {}, redis_url) as reader:
        until(lambda: client.info("clients")["blocked_clients"] == 1)
        client.xadd(sensors.STREAM, {"sensorId": "sensor-7", "temperature": "20"})
        assert reader.communicate("", timeout=20)[1] == ""
