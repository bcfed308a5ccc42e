"""Claiming, acknowledging and dead-lettering a long pending list: an operation beside the bare redis-py loop.

Both work through their own, identical stream, in turns of a tenth of a second. The operation is the whole thing: plan,
checks, audit, a saved cursor and the results per batch. The loop is the least that does the same to the stream.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import redis

from streams_admin import operations, plans
from streams_admin.actions import ALL
from streams_admin.actions.base import BATCH
from streams_admin.audit import Caller
from streams_admin.models import Operation
from tests import world
from tests.benchmarks.place import Place
from tests.benchmarks.turns import Sent, counting

OURS, BARE, GROUP, TO = b"bench:ours", b"bench:bare", b"workers", b"rescuer"
CONSUMERS = 50
NO_LIMIT = 100
"""Percent of the time that the operation may keep the server busy."""
TURN = 0.1
"""Seconds for which each side works before it is the other's turn."""


def claim(client: redis.Redis, rows: list[bytes]) -> None:
    client.xclaim(BARE, GROUP, TO, 1000, rows, justid=True)


def acknowledge(client: redis.Redis, rows: list[bytes]) -> None:
    client.xack(BARE, GROUP, *rows)


def dead_letter(client: redis.Redis, rows: list[bytes]) -> None:
    """Read the bodies, then copy and acknowledge in one transaction, so that nothing is lost and nothing doubled."""
    with client.pipeline(transaction=False) as pipe:
        for id_ in rows:
            pipe.xrange(BARE, id_, id_, count=1)
        bodies = pipe.execute()
    with client.pipeline(transaction=True) as pipe:
        for id_, found in zip(rows, bodies, strict=True):
            pipe.xadd(BARE + b":dlq", {**found[0][1], b"origin": BARE, b"id": id_, b"group": GROUP})
            pipe.xack(BARE, GROUP, id_)
        pipe.execute()


ACTIONS: dict[str, tuple[dict[str, str], Callable[[redis.Redis, list[bytes]], None]]] = {
    "claim": ({"to": TO.decode()}, claim),
    "ack": ({}, acknowledge),
    "dead_letter": ({}, dead_letter),
}
"""Slug, its parameters, and what a loop does to one batch of IDs."""


def measured(here: Place, entries: int) -> Iterator[dict[str, object]]:
    for slug, (params, loop) in ACTIONS.items():
        if slug in ALL:
            yield _measured(here, slug, params, loop, entries)


def _measured(
    here: Place, slug: str, params: dict[str, str], loop: Callable[[redis.Redis, list[bytes]], None], entries: int
) -> dict[str, object]:
    _seed(here.bare, entries)
    caller = Caller(here.actor, "bench")
    before = _memory()
    with counting() as sent:
        operation, times = _race(here, caller, slug, params, Loop(here.bare, loop))
    _check(here.bare, operation, entries)
    return {"bench": f"action: {slug}", **_figures(times, sent, entries, _memory() - before)}


@dataclass
class Loop:
    """The bare side: a page of the pending list, then the command, until the list ends."""

    client: redis.Redis
    act: Callable[[redis.Redis, list[bytes]], None]
    start: str = "-"

    def turn(self) -> bool:
        """As many batches as fit into a turn. False at the end of the list."""
        until = time.monotonic() + TURN
        while self._batch():
            if time.monotonic() >= until:
                return True
        return False

    def _batch(self) -> bool:
        rows = self.client.xpending_range(BARE, GROUP, self.start, "+", BATCH)
        ids = [row["message_id"] for row in rows]
        if ids:
            self.act(self.client, ids)
            self.start = f"({ids[-1].decode()}"
        return len(ids) == BATCH


def _race(
    here: Place, caller: Caller, slug: str, params: dict[str, str], loop: Loop
) -> tuple[Operation, dict[str, float]]:
    """In turn, until both are through; milliseconds of each. Planning and beginning count as well."""
    raw = {"group": GROUP.decode(), "filter": {}, **params}
    began = time.perf_counter()
    plan = plans.prepare(caller, here.server, OURS, slug, raw)
    operation = operations.begin(caller, plan, confirm=plan.preview["confirm"], duty=NO_LIMIT)
    times = {"ours": (time.perf_counter() - began) * 1000, "bare": 0.0}
    sides: dict[str, Callable[[], bool]] = {"ours": lambda: operations.work_once(TURN), "bare": loop.turn}
    while sides:
        for name, turn in tuple(sides.items()):
            began = time.perf_counter()
            goes_on = turn()
            times[name] += (time.perf_counter() - began) * 1000
            if not goes_on:
                del sides[name]
    operation.refresh_from_db()
    return operation, times


def _seed(client: redis.Redis, entries: int) -> None:
    for key in (OURS, BARE):
        client.delete(key, key + b":dlq")
        world.add(client, key, entries)
        world.hand_out(client, key, GROUP, entries, CONSUMERS)
        client.xgroup_createconsumer(key, GROUP, TO)


def _check(client: redis.Redis, operation: Operation, entries: int) -> None:
    """Both did it, to every entry."""
    assert operation.state == "done", (operation.state, operation.error)
    assert operation.results == {"done": entries}, operation.results
    left = [client.xpending(key, GROUP) for key in (OURS, BARE)]
    assert [found["pending"] for found in left] in ([0, 0], [entries, entries])
    assert all(holder["name"] == TO for found in left for holder in found["consumers"] or ())


def _figures(times: dict[str, float], sent: Sent, entries: int, grown: int) -> dict[str, object]:
    ours, bare = times["ours"], times["bare"]
    return {
        "ratio": round(ours / bare, 2),
        "speed": round(bare / ours, 2),
        "ours_ms": round(ours),
        "bare_ms": round(bare),
        "ours_batch_ms": round(ours * BATCH / entries, 2),
        "bare_batch_ms": round(bare * BATCH / entries, 2),
        "entries": entries,
        "per_second": round(entries / ours * 1000),
        "commands_per_1000": round(sent.commands * 1000 / entries, 1),
        "trips_per_1000": round(sent.trips * 1000 / entries, 1),
        "memory_growth_mb": round(grown / 2**20, 1),
    }


def _memory() -> int:
    """Bytes this process holds now; where the system does not tell, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return getrusage(RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
