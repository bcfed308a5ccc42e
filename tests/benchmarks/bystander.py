"""Another client of the watched server: a process of its own, so that our Python does not stand in its way.

It asks in an even flow, PING and XADD in turn, a pause before each, as workers and producers do that are not busy all
the time; what it waits for is the server, and the processor where ours keeps it.
"""

from __future__ import annotations

import json
import random
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import Self

import redis

KEY = b"bench:bystander"
PAUSE = 0.001
"""Seconds between two of its requests, on average."""


@dataclass
class Waits:
    """How long it waited, in milliseconds."""

    ping: list[float] = field(default_factory=list)
    xadd: list[float] = field(default_factory=list)

    def add(self, other: Waits) -> None:
        self.ping += other.ping
        self.xadd += other.xadd


def p99(waits: list[float]) -> float:
    return sorted(waits)[len(waits) * 99 // 100]


class Bystander:
    """The process. A context manager that ends it."""

    def __init__(self, url: str) -> None:
        words = [sys.executable, "-m", "tests.benchmarks.bystander", url]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        self.during(lambda: time.sleep(0.2))  # it has begun when it answers
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def during(self, work: Callable[[], object]) -> Waits:
        """What it measured while `work` was done."""
        self._ask("begin")
        work()
        return Waits(**json.loads(self._ask("end")))

    def _ask(self, word: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(word, file=self._process.stdin, flush=True)
        return self._process.stdout.readline()


def main(url: str) -> None:
    """Measure from each line of standard input to the next one."""
    with redis.Redis.from_url(url, protocol=2) as client:
        while sys.stdin.readline():
            print("begun", flush=True)
            waits = Waits()
            turns = cycle(((waits.ping, client.ping), (waits.xadd, partial(client.xadd, KEY, {"n": 1}, maxlen=1000))))
            while not select.select([sys.stdin], [], [], random.uniform(0, 2 * PAUSE))[0]:
                took, request = next(turns)
                took.append(_took(request))
            sys.stdin.readline()
            print(json.dumps(vars(waits)), flush=True)


def _took(request: Callable[[], object]) -> float:
    began = time.perf_counter()
    request()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(sys.argv[1])
