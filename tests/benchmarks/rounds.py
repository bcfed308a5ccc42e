"""One part of the measures of the fleet, in a process of its own: WHAT URL STREAMS ROUNDS.

A round is measured beside a bare loop: as many of each command as the server counted during that round, in pipelines of
redis-py, parsed by redis-py. Without rests between rounds; the share of the server is for the interval by default.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import redis

from dashboard.fleet.sampler import LEISURE
from tests.benchmarks.fleet import CONSUMER, GROUP, change, keys
from tests.benchmarks.place import configure

REPEATS = 5
PER_PIPELINE = 400
EVERY = 5.0
"""Seconds between rounds by default."""
PAGES = {
    "home": "/",
    "list": "/s/default/",
    "list, flat": "/s/default/?flat=1&sort=-length",
    "search": "/search/?q=events:00",
    "api findings": "/api/v1/findings",
    "api streams": "/api/v1/servers/default/streams",
}
TICK = 0.0005

_BARE: dict[str, Callable[[bytes], tuple[Any, ...]]] = {
    "xinfo|stream": lambda key: ("XINFO STREAM", key),
    "xinfo|groups": lambda key: ("XINFO GROUPS", key),
    "xinfo|consumers": lambda key: ("XINFO CONSUMERS", key, GROUP),
    "xpending": lambda key: ("XPENDING", key, GROUP, "-", "+", 100),
    "xlen": lambda key: ("XLEN", key),
    "xrange": lambda key: ("XRANGE", key, "-", "+", "COUNT", 1),
    "echo": lambda key: ("ECHO", key),
    "scan": lambda key: ("SCAN", 0, "COUNT", 1000, "TYPE", "stream"),
}


@dataclass
class Round:
    """Seconds it took, commands by name, and seconds of the server's processor."""

    seconds: float
    commands: dict[str, int]
    server: float


def main(what: str, url: str, count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-fleet-") as folder:
        configure(folder)
        with redis.Redis.from_url(url, protocol=2) as client:
            lines = {"rounds": _rounds, "memory": _memory, "pages": _pages}[what]
            for line in lines(client, url, count, rounds):
                print(json.dumps({"bench": f"fleet: {line.pop('bench')}", "streams": count, **line}), flush=True)


def _sampler(url: str) -> Any:
    from dashboard.fleet.samplers import fleet
    from dashboard.streams import links
    from dashboard.streams.links import ServerConfig

    links.configure([ServerConfig("default", url)])
    return fleet().sampler(links.get("default"))


# rounds --------------------------------------------------------------------------------------------------------------


def _rounds(client: redis.Redis, url: str, count: int, _: int) -> Iterator[dict[str, object]]:
    return iter(asyncio.run(_measured(client, url, count)))


async def _measured(client: redis.Redis, url: str, count: int) -> list[dict[str, object]]:
    sampler, found = _sampler(url), keys(count)
    lines = [_line("first round", [await _counted(client, sampler.round)], [], 0.0)]
    for name, some in (("1 % changed", max(1, count // 100)), ("all changed", count)):
        took, bare = [], []
        for turn in range(REPEATS + 1):
            change(client, (found[turn * some % count :] + found)[:some])
            took.append(await _counted(client, sampler.round))
            bare.append(_bare(client, found, took[-1].commands))
        change(client, found[:some])
        lines.append(_line(name, took[1:], bare[1:], await _longest_hold(sampler.round)))
    return lines


def _line(name: str, took: list[Round], bare: list[float], hold: float) -> dict[str, object]:
    ours, server = median(each.seconds for each in took), median(each.server for each in took)
    every = ours + max(EVERY, LEISURE * ours)
    return {
        "bench": f"round, {name}",
        **({"ratio": round(ours / median(bare), 2), "bare_ms": round(median(bare) * 1000)} if bare else {}),
        "ours_ms": round(ours * 1000),
        "commands": sum(took[-1].commands.values()),
        "hold_ms": round(hold * 1000, 1),
        "server_percent": round(100 * server / every, 2),
    }


async def _counted(client: redis.Redis, round_: Callable[[], Awaitable[None]]) -> Round:
    client.config_resetstat()
    before, began = _cpu(client), time.perf_counter()
    await round_()
    seconds, server = time.perf_counter() - began, _cpu(client) - before
    found = client.info("commandstats")
    commands = {name.removeprefix("cmdstat_"): each["calls"] for name, each in found.items()}
    return Round(seconds, {name: calls for name, calls in commands.items() if name in _BARE}, server)


def _cpu(client: redis.Redis) -> float:
    found = client.info("cpu")
    return float(found["used_cpu_sys"] + found["used_cpu_user"])


def _bare(client: redis.Redis, found: list[bytes], commands: dict[str, int]) -> float:
    """Seconds of the same commands as somebody with redis-py would send them."""
    began = time.perf_counter()
    for name, calls in commands.items():
        asked = [_BARE[name](found[number % len(found)]) for number in range(calls)]
        for at in range(0, calls, PER_PIPELINE):
            with client.pipeline(transaction=False) as pipe:
                for command in asked[at : at + PER_PIPELINE]:
                    pipe.execute_command(*command)
                pipe.execute()
    return time.perf_counter() - began


async def _longest_hold(round_: Callable[[], Awaitable[None]]) -> float:
    """Seconds for which nobody else had the event loop during a round, at most."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            longest = max(longest, time.perf_counter() - began - TICK)

    beside = asyncio.create_task(tick())
    await round_()
    beside.cancel()
    with suppress(asyncio.CancelledError):
        await beside
    return longest


# memory --------------------------------------------------------------------------------------------------------------


def _memory(client: redis.Redis, url: str, count: int, rounds: int) -> Iterator[dict[str, object]]:
    yield asyncio.run(_kept(client, url, count, rounds))


async def _kept(client: redis.Redis, url: str, count: int, rounds: int) -> dict[str, object]:
    """Resident memory that came with the streams: what a process has that has sampled nothing is not counted."""
    sampler, found = _sampler(url), keys(count)
    some = max(1, count // 100)
    await sampler.server.acapabilities()
    before = _resident()
    await sampler.round()
    first = _resident() - before
    for turn in range(rounds):
        change(client, (found[turn * some % count :] + found)[:some])
        await sampler.round()
    gc.collect()
    return {
        "bench": f"memory, {rounds} rounds",
        "bytes_per_stream": round((_resident() - before) / count),
        "first_round": round(first / count),
    }


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


# pages ---------------------------------------------------------------------------------------------------------------


def _pages(client: redis.Redis, url: str, count: int, _: int) -> Iterator[dict[str, object]]:
    """Median milliseconds to the first byte, through the whole site, a few findings there."""
    from django.contrib.auth.models import User
    from django.test import Client

    from dashboard.fleet.samplers import fleet

    for key in keys(count)[:20]:
        client.xadd(key, {"n": 1})
        client.xreadgroup(GROUP, CONSUMER, {key: ">"})
        client.xclaim(key, GROUP, CONSUMER, 0, [_last(client, key)], idle=900_000)
    sampler = _sampler(url)
    fleet().sample(sampler.server)
    fleet().running = True
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(User.objects.create_superuser("bench"))
    yield {"bench": "pages", **{name: _first_byte(browser, address) for name, address in PAGES.items()}}


def _last(client: redis.Redis, key: bytes) -> bytes:
    found: bytes = client.xrevrange(key, count=1)[0][0]
    return found


def _first_byte(browser: Any, address: str) -> float:
    assert browser.get(address).status_code == 200, address
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        browser.get(address)
        times.append(time.perf_counter() - began)
    return round(median(times) * 1000, 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
