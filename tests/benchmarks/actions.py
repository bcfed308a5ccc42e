"""Working through a long pending list, and replaying a stream: an operation beside the bare redis-py loop.

Both work through their own, identical stream, in turns, in batches of 500. The operation is the whole thing without
its duty limit: plan, checks, guards, audit, a saved cursor and the result of every entry. The loop is the least that
does the same to the stream, with redis-py (and hiredis, as installed):

    claim         XPENDING key group (last + 500, then XCLAIM ... 1000 IDs JUSTID: two round trips per batch
    ack           XPENDING, then one XACK of all IDs; no guard: what a worker was given meanwhile is acknowledged too
    dead_letter   XPENDING, the bodies by one pipeline of XRANGE, then XADD and XACK per entry in one MULTI
    replay        XRANGE stream (last + COUNT 500, then one pipeline of XADD; killed, it has copied an unknown part

It writes nothing down, and when it is killed nobody knows how far it came. `speed` is the operation's through the
loop's: 1.0 is as fast. While the server works, the operation prepares its next batch, so it needs a second processor
that is free. Commands and round trips are those of the operation, planning and figures included; what a script calls
inside of the server is one command. `memory_growth_mb`: what the process has grown by, from before the plan to the end.

`prompt` lines: PROMPT entries with the default duty limit, from the click to the last entry, beside the loop of the
same run. A claim should take no more than `goal_ratio` times the time of the loop.

`bystander` lines: how long another process waits for PING and for XADD while an operation with the default duty limit
runs, beside the same without it, in turns of a second. Part of it is waiting for a processor, where there are few.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple

import redis

from streams_admin import plans
from streams_admin.actions.context import BATCH
from streams_admin.actions.registry import ALL
from streams_admin.audit.log import Caller
from streams_admin.models import Operation, Plan
from streams_admin.operations import start as operations
from tests import world
from tests.benchmarks.bystander import Bystander, Waits, p99
from tests.benchmarks.place import Place
from tests.benchmarks.turns import Sent, counting

OURS, BARE, GROUP, TO = b"bench:ours", b"bench:bare", b"workers", b"rescuer"
COPIES = b":copies"
Entry = tuple[bytes, dict[bytes, bytes]]
CONSUMERS = 50
NO_LIMIT = 100
"""Percent of the time that the operation may keep the server busy."""
TURN = operations.TURN
"""Seconds for which each side works before it is the other's turn: as long as a runner stays with an operation."""
PROMPT, GOAL = 10_000, 4.0
"""Entries of an operation that somebody waits for, and how many times the loop's time it may take."""
ROUNDS = 8
"""Of the bystander, with and without an operation."""


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


def pending(client: redis.Redis, start: str) -> list[bytes]:
    return [row["message_id"] for row in client.xpending_range(BARE, GROUP, start, "+", BATCH)]


def replay(client: redis.Redis, rows: list[Entry]) -> None:
    with client.pipeline(transaction=False) as pipe:
        for _, fields in rows:
            pipe.xadd(BARE + COPIES, fields)
        pipe.execute()


def stored(client: redis.Redis, start: str) -> list[Entry]:
    found: list[Entry] = client.xrange(BARE, start, "+", BATCH)
    return found


class Sides(NamedTuple):
    """The parameters of an action; what the loop reads from an ID on, one batch, and what it does to that."""

    params: dict[str, object]
    page: Callable[[redis.Redis, str], list[Any]]
    act: Callable[[redis.Redis, list[Any]], None]


HELD: dict[str, object] = {"group": GROUP.decode(), "filter": {}}
ACTIONS = {
    "claim": Sides({**HELD, "to": TO.decode()}, pending, claim),
    "ack": Sides(HELD, pending, acknowledge),
    "dead_letter": Sides(HELD, pending, dead_letter),
    "replay": Sides({"filter": {}, "to": (OURS + COPIES).decode()}, stored, replay),
}


def measured(here: Place, entries: int) -> Iterator[dict[str, object]]:
    for slug, sides in ACTIONS.items():
        if slug in ALL:
            yield _measured(here, slug, sides, entries)
            yield _prompt(here, slug, sides)
            yield _watched(here, slug, sides, entries)


def _prompt(here: Place, slug: str, sides: Sides) -> dict[str, object]:
    """The best of three each, in turn: it is over before anything averages out."""
    ours, bare = [], []
    for _ in range(3):
        _seed(here.bare, PROMPT)
        side = Loop(here.bare, sides)
        began = time.perf_counter()
        while side.turn():
            pass
        bare.append(time.perf_counter() - began)
        plan = _plan(here, slug, sides.params)
        began = time.perf_counter()
        operation = operations.begin(Caller(here.principal, "bench"), plan, confirm=plan.preview["confirm"])
        while operations.work_once(TURN):
            pass
        ours.append(time.perf_counter() - began)
        operation.refresh_from_db()
        _check(here.bare, operation, PROMPT)
    return {
        "bench": f"prompt: {slug}",
        "ratio": round(min(ours) / min(bare), 2),
        **({"goal_ratio": GOAL} if slug == "claim" else {}),
        "ours_ms": round(min(ours) * 1000),
        "bare_ms": round(min(bare) * 1000),
        "entries": PROMPT,
        "duty": operation.duty_cycle,
    }


def _watched(here: Place, slug: str, sides: Sides, entries: int) -> dict[str, object]:
    """What a bystander waits for, until all entries are done, at most ROUNDS times."""
    _seed(here.bare, entries)
    operation = _begin(here, slug, sides.params, duty=0)
    alone, beside, seconds, before = Waits(), Waits(), 0.0, operation.done
    with Bystander(here.server.config.url) as other:
        for _ in range(ROUNDS):
            alone.add(other.during(lambda: time.sleep(TURN)))
            began = time.perf_counter()
            beside.add(other.during(lambda: operations.work_once(TURN)))
            seconds += time.perf_counter() - began
            operation.refresh_from_db()
            if operation.over:
                break
    done = operation.done - before
    _end(operation)
    return {
        "bench": f"bystander: {slug}",
        **_beside("ping", alone.ping, beside.ping),
        **_beside("xadd", alone.xadd, beside.xadd),
        "duty": operation.duty_cycle,
        "per_second": round(done / seconds),
    }


def _beside(name: str, alone: list[float], beside: list[float]) -> dict[str, object]:
    without, during = p99(alone), p99(beside)
    figures = {"p99_more_ms": during - without, "p99_ms": during, "p99_alone_ms": without}
    return {f"{name}_{label}": round(value, 3) for label, value in figures.items()}


def _plan(here: Place, slug: str, params: dict[str, object]) -> Plan:
    return plans.prepare(Caller(here.principal, "bench"), here.server, OURS, slug, params)


def _begin(here: Place, slug: str, params: dict[str, object], *, duty: int) -> Operation:
    plan = _plan(here, slug, params)
    return operations.begin(Caller(here.principal, "bench"), plan, confirm=plan.preview["confirm"], duty=duty)


def _end(operation: Operation) -> None:
    """What was left of it would run in the next measure."""
    operations.request_state(operation, "cancel")
    while operations.work_once():
        pass


def _measured(here: Place, slug: str, sides: Sides, entries: int) -> dict[str, object]:
    _seed(here.bare, entries)
    before = _memory()
    with counting() as sent:
        operation, times = _race(here, slug, sides)
    _check(here.bare, operation, entries)
    return {"bench": f"action: {slug}", **_figures(times, sent, entries, _memory() - before)}


@dataclass
class Loop:
    """The bare side: a page of the list, then the command, until the list ends."""

    client: redis.Redis
    sides: Sides
    start: str = "-"

    def turn(self) -> bool:
        """As many batches as fit into a turn. False at the end of the list."""
        until = time.monotonic() + TURN
        while self._batch():
            if time.monotonic() >= until:
                return True
        return False

    def _batch(self) -> bool:
        rows = self.sides.page(self.client, self.start)
        if rows:
            self.sides.act(self.client, rows)
            last = rows[-1] if isinstance(rows[-1], bytes) else rows[-1][0]
            self.start = f"({last.decode()}"
        return len(rows) == BATCH


def _race(here: Place, slug: str, actions: Sides) -> tuple[Operation, dict[str, float]]:
    """In turn, until both are through; milliseconds of each. Planning and beginning count as well."""
    began = time.perf_counter()
    operation, loop = _begin(here, slug, actions.params, duty=NO_LIMIT), Loop(here.bare, actions)
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
        client.delete(key, key + b":dlq", key + COPIES)
        world.add(client, key, entries)
        world.hand_out(client, key, GROUP, entries, CONSUMERS)
        client.xgroup_createconsumer(key, GROUP, TO)


def _check(client: redis.Redis, operation: Operation, entries: int) -> None:
    """Both did it, to every entry."""
    assert operation.state == "done", (operation.state, operation.error)
    assert operation.results == {"done": entries}, operation.results
    if operation.plan.action == "replay":
        assert [client.xlen(key + COPIES) for key in (OURS, BARE)] == [entries, entries]
        return
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
