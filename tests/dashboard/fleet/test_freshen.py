"""Who looks at a server when no loop does: one request at a time, and never one beside the loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event

import pytest
import redis

from dashboard.fleet.sampler import Sampler
from dashboard.fleet.samplers import fleet
from dashboard.fleet.store import freshen
from dashboard.streams.links import Server


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rounds were under way when each began."""
    round_, under_way, seen = Sampler.round, [0], list[int]()

    async def noted(self: Sampler) -> None:
        seen.append(under_way[0])
        under_way[0] += 1
        await round_(self)
        under_way[0] -= 1

    monkeypatch.setattr(Sampler, "round", noted)
    return seen


def test_requests_that_come_together_look_once(server: Server, redis_client: redis.Redis, rounds: list[int]) -> None:
    redis_client.xadd("q", {"n": 1})
    together = Barrier(6)

    def ask() -> int:
        together.wait()
        return len(freshen(server).streams)

    with ThreadPoolExecutor(6) as threads:
        assert [each.result() for each in [threads.submit(ask) for _ in range(6)]] == [1] * 6
    assert rounds == [0]


def test_who_comes_while_another_looks_gets_what_is_there(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = fleet().sampler(server)
    mine.snapshot = replace(fleet().sample(server), at=1.0)
    began, go_on = Event(), Event()

    async def slow(self: Sampler) -> None:
        began.set()
        await asyncio.to_thread(go_on.wait)

    monkeypatch.setattr(Sampler, "round", slow)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(freshen, server)
        began.wait()
        assert freshen(server) is mine.snapshot
        assert not other.done()
        go_on.set()
        other.result()


async def test_no_request_looks_while_the_loop_is_about_to_run_again(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: Sampler) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(fleet(), "running", False)
    with monkeypatch.context() as patch:
        patch.setattr(Sampler, "round", fails)
        with pytest.raises(RuntimeError):
            await fleet().run()
    assert freshen(server).at is None
