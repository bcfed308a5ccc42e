"""Claiming, acknowledging and dead-lettering a long pending list: an operation beside the bare redis-py loop.

Both work through their own, identical stream, batch by batch in turn. The operation is the whole thing: plan, checks,
audit, a saved cursor and the results per batch. The loop is the least that does the same to the stream.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import redis

from streams_admin import operations, plans
from streams_admin.actions import ALL
from streams_admin.actions.base import BATCH
from streams_admin.audit import Caller
from streams_admin.models import Operation
from tests import world
from tests.benchmarks.place import Place
from tests.benchmarks.turns import Sent, counting, took

OURS, BARE, GROUP, TO = b"bench:ours", b"bench:bare", b"workers", b"rescuer"
CONSUMERS = 50
NO_LIMIT = 100
"""Percent of the time that the operation may keep the server busy."""


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
    done: int = 0

    def step(self) -> bool:
        """One batch. False at the end of the list."""
        rows = self.client.xpending_range(BARE, GROUP, self.start, "+", BATCH)
        if not rows:
            return False
        ids = [row["message_id"] for row in rows]
        self.act(self.client, ids)
        self.start, self.done = f"({ids[-1].decode()}", self.done + len(ids)
        return True


def _race(
    here: Place, caller: Caller, slug: str, params: dict[str, str], loop: Loop
) -> tuple[Operation, dict[str, list[float]]]:
    """Batch by batch in turn, until both are through. Planning and beginning count as well."""
    raw = {"group": GROUP.decode(), "filter": {}, **params}
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    began: list[Operation] = []

    def begin() -> None:
        plan = plans.prepare(caller, here.server, OURS, slug, raw)
        began.append(operations.begin(caller, plan, confirm=plan.preview["confirm"], duty=NO_LIMIT))

    times["ours"].append(took(begin))
    working = looping = True
    while working or looping:
        if looping:
            times["bare"].append(took(loop.step))
            looping = loop.start != "-" and not _through(loop)
        if working:
            times["ours"].append(took(operations.work_once))
            working = not Operation.objects.get(pk=began[0].pk).over
    return Operation.objects.get(pk=began[0].pk), times


def _through(loop: Loop) -> bool:
    return not loop.client.xpending_range(BARE, GROUP, loop.start, "+", 1)


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


def _figures(times: dict[str, list[float]], sent: Sent, entries: int, grown: int) -> dict[str, object]:
    ours, bare = sum(times["ours"]), sum(times["bare"])
    return {
        "ratio": round(ours / bare, 2),
        "speed": round(bare / ours, 2),
        "ours_ms": round(ours),
        "bare_ms": round(bare),
        "ours_batch_ms": round(median(times["ours"]), 2),
        "bare_batch_ms": round(median(times["bare"]), 2),
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
