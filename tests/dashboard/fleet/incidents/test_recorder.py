"""Beside the rounds: what is recorded is never on their way, and what fails is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event, get_ident
from uuid import uuid4

import pytest
import redis
from django.db import DatabaseError

from dashboard.fleet.incidents.ledger import Changes, OpenIncident, Written
from dashboard.fleet.metrics.incidents import families
from dashboard.fleet.samplers import Fleet
from dashboard.streams.links import Server
from tests.conftest import Configure


class Table:
    """Takes what is written when `free` is set, after it has failed so many times."""

    def __init__(self, *, fails: int = 0) -> None:
        self.free = Event()
        self.asked: list[int] = []
        """The threads that asked."""
        self._fails = fails

    def exchange(self, server: str, changes: Changes, *, look: bool, version: object) -> Written:
        self.asked.append(get_ident())
        self.free.wait()
        if len(self.asked) <= self._fails:
            raise DatabaseError("database is locked")
        found = changes.opened.items()
        rows = {id_: OpenIncident(uuid4(), f.since_ms, f.severity, f.severity) for id_, f in found}
        return Written(rows, {} if look else None, 1)


@pytest.fixture
def poison(redis_client: redis.Redis, configure: Configure) -> None:
    configure(sample_every=0, poison_deliveries=1)
    redis_client.xadd("orders", {"n": 1})
    redis_client.xgroup_create("orders", "workers", "0")
    redis_client.xreadgroup("workers", "ann", {"orders": ">"})


@asynccontextmanager
async def running(table: Table) -> AsyncIterator[Fleet]:
    fleet = Fleet(table)
    work = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        table.free.set()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not so():  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("poison")
async def test_a_database_that_takes_its_time_holds_no_round_up(server: Server) -> None:
    table = Table()
    async with running(table) as fleet:
        sampler = fleet.sampler(server)
        await until(lambda: bool(table.asked))
        seen = {sampler.snapshot.at}

        def rounds() -> int:
            seen.add(sampler.snapshot.at)
            return len(seen)

        await until(lambda: rounds() > 3)
        ledger = sampler.incidents.ledger
        assert (len(table.asked), ledger.open_count, ledger.unwritten) == (1, 0, 1)
        table.free.set()
        await until(lambda: ledger.open_count == 1)
        assert ledger.unwritten == 0
        assert get_ident() not in table.asked, "never on the event loop"
        (known,) = sampler.snapshot.streams[b"orders"].findings
        assert sampler.incidents.of(known.identity) is not None


@pytest.mark.usefixtures("poison")
async def test_what_fails_is_tried_again_after_the_next_round(server: Server) -> None:
    table = Table(fails=3)
    table.free.set()
    async with running(table) as fleet:
        await until(lambda: fleet.sampler(server).incidents.ledger.open_count == 1)
    assert len(table.asked) >= 5


@pytest.mark.usefixtures("poison")
async def test_numbers_for_prometheus(server: Server) -> None:
    table = Table()
    async with running(table) as fleet:

        def numbers() -> dict[str, float]:
            return {metric.name: sample.value for metric in families(fleet.ledgers()) for sample in metric.samples}

        await until(lambda: numbers().get("streamgauge_incidents_unwritten") == 1)
        assert "streamgauge_incidents_open" not in numbers(), "nobody knows yet"
        table.free.set()
        await until(lambda: numbers().get("streamgauge_incidents_open") == 1)
        assert numbers()["streamgauge_incidents_unwritten"] == 0


async def test_a_sampler_that_fails_leaves_none_of_the_others_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are begun again: what went on would be there twice."""
    fleet = Fleet()

    async def fails() -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(fleet.sampler(server), "run", fails)
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError):
        await fleet.run()
    await until(lambda: asyncio.all_tasks() == before)
