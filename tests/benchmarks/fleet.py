"""Many streams with a group each: what a round of the sampler costs, what it keeps, and how fast pages are beside it.

Everything is measured in processes of their own (`rounds`), each with a server of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import redis

from streams_admin.demo import embedded

ROOT = Path(__file__).resolve().parents[2]
STREAMS = (2_000, 10_000)
GROUP, CONSUMER = b"workers", b"worker-1"
FEW = 100
"""Streams of the fleet that pages are compared with."""
MEMORY_ROUNDS = 300
CHUNK = 500


def lines(counts: Sequence[int] = STREAMS, memory_rounds: int = MEMORY_ROUNDS) -> Iterator[dict[str, object]]:
    yield from _in_a_process("pages", FEW)
    for count in counts:
        yield from _in_a_process("rounds", count)
        yield from _in_a_process("pages", count)
        if memory_rounds:
            yield from _in_a_process("memory", count, memory_rounds)


def _in_a_process(what: str, count: int, rounds: int = 0) -> Iterator[dict[str, object]]:
    with embedded.start() as running:
        with redis.Redis.from_url(running.url, protocol=2) as client:
            seed(client, count)
        words = [sys.executable, "-m", "tests.benchmarks.rounds", what, running.url, str(count), str(rounds)]
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    yield from (json.loads(line) for line in done.stdout.splitlines())


def keys(count: int) -> list[bytes]:
    return [b"tenant-%02d:events:%06d" % (number % 50, number) for number in range(count)]


def seed(client: redis.Redis, count: int) -> None:
    """Each stream has a group with a consumer that has read and acknowledged everything."""
    found = keys(count)
    change(client, found, made=True)
    change(client, found)


def change(client: redis.Redis, found: Sequence[bytes], *, made: bool = False) -> None:
    """An entry more for each of these streams, read and acknowledged; the first time its group is created."""
    for at in range(0, len(found), CHUNK):
        chunk = found[at : at + CHUNK]
        with client.pipeline(transaction=False) as pipe:
            for key in chunk:
                if made:
                    pipe.xgroup_create(key, GROUP, "0", mkstream=True)
                else:
                    pipe.xadd(key, {"n": at, "kind": "small"}).xreadgroup(GROUP, CONSUMER, {key: ">"})
            replies = pipe.execute()
            if not made:
                for key, read in zip(chunk, replies[1::2], strict=True):
                    pipe.xack(key, GROUP, *(id_ for id_, _ in read[0][1]))
                pipe.execute()
