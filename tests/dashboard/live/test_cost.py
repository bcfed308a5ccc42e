"""What following costs where entries are huge and where much is watched: bounded, whatever producers and viewers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
import redis

from dashboard.live.admission import subscription_quota
from dashboard.live.admission.subscription_quota import QuotaExceeded
from dashboard.live.hub import Hub, StartAt
from dashboard.live.news import Batch, Begun
from dashboard.live.topics import entries, group
from dashboard.streams import links
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Batch as Entries
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.queries import TailRead
from dashboard.streams.queries.steps import PAGE_BYTES, STEP
from tests.dashboard.live.news import Viewer
from tests.dashboard.live.sockets import by_token, token, watch

HUGE = 500_000
MANY = 80
KEYS = (b"a", b"b", b"c")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many entries each XREAD brings."""
    seen: list[int] = []
    follow = Standalone.follow

    async def noted(self: Standalone, next_read: Callable[[], TailRead], block_ms: int) -> AsyncGenerator[Entries]:
        async with aclosing(follow(self, next_read, block_ms)) as batches:
            async for batch in batches:
                seen.append(sum(map(len, batch.values())))
                yield batch

    monkeypatch.setattr(Standalone, "follow", noted)
    return seen


def add(client: redis.Redis, keys: tuple[bytes, ...], count: int, size: int) -> None:
    """All at once, so that the reader finds all of it."""
    pipe = client.pipeline(transaction=True)
    for number in range(1, count + 1):
        for key in keys:
            pipe.xadd(key, {b"body": b"x" * size}, id=f"{number}-0")
    pipe.execute()


async def test_no_read_brings_more_than_a_step(hub: Hub, redis_client: redis.Redis, reads: list[int]) -> None:
    viewers = [Viewer(hub, entries("default", key)) for key in KEYS]
    for viewer in viewers:
        await viewer.first(Begun)
    await asyncio.to_thread(add, redis_client, KEYS, MANY, HUGE)
    for viewer in viewers:
        await viewer.until(lambda viewer=viewer: _told(viewer) == MANY, 20)
    assert sum(reads) == len(KEYS) * MANY
    assert max(reads) <= STEP


async def test_a_flood_of_small_ones_is_read_in_longer_steps(
    hub: Hub, redis_client: redis.Redis, reads: list[int]
) -> None:
    viewer = Viewer(hub, entries("default", b"a"))
    await viewer.first(Begun)
    await asyncio.to_thread(add, redis_client, (b"a",), 500, 1)
    await viewer.until(lambda: _told(viewer) == 500)
    assert max(reads) == STEP
    assert len([count for count in reads if count]) <= 40


def _told(viewer: Viewer) -> int:
    """Entries that came or were counted."""
    return len(viewer.ids) + sum(batch.skipped for batch in viewer.all(Batch))


async def test_many_streams_are_followed_in_turns(hub: Hub, redis_client: redis.Redis, reads: list[int]) -> None:
    keys = tuple(b"%d" % n for n in range(2 * STEP + 5))
    viewers = [Viewer(hub, entries("default", key)) for key in keys]
    for viewer in viewers:
        await viewer.first(Begun)
    await asyncio.to_thread(add, redis_client, keys, 3, 10)
    for viewer in viewers:
        assert await viewer.until(lambda viewer=viewer: len(viewer.ids) == 3) < 1.5
    assert max(reads) <= STEP


async def test_what_was_missed_is_not_fetched_beyond_the_budget(hub: Hub, redis_client: redis.Redis) -> None:
    redis_client.xadd(b"a", {b"n": 1}, id="0-1")
    await asyncio.to_thread(add, redis_client, (b"a",), MANY, HUGE)
    redis_client.xadd(b"a", {b"n": 1}, id=f"{MANY + 1}-0")
    before = _sent(redis_client)
    viewer = Viewer(hub, entries("default", b"a"), StartAt(StreamId(0, 1)))
    await viewer.until(lambda: bool(viewer.all(Batch)))
    assert _sent(redis_client) - before <= PAGE_BYTES + STEP * HUGE + 100_000
    assert viewer.ids[-1] == f"{MANY + 1}-0"
    assert viewer.all(Batch)[0].uncounted


def _sent(client: redis.Redis) -> int:
    return int(client.info("stats")["total_net_output_bytes"])


# how much is followed ------------------------------------------------------------------------------------------------


def followed(hub: Hub) -> set[bytes]:
    return set(hub._tails[links.get("default")].streams)


async def test_streams_that_do_not_exist_are_left_at_once(hub: Hub, redis_client: redis.Redis) -> None:
    redis_client.xadd(b"there", {b"n": 1})
    redis_client.set(b"text", b"x")
    for key in (b"there", b"nothing", b"text"):
        viewer = Viewer(hub, entries("default", key))
        await viewer.until(lambda viewer=viewer: bool(viewer.got))
        hub.unsubscribe(viewer.feed)
    stays = Viewer(hub, entries("default", b"other"))
    await stays.first(Begun)
    assert followed(hub) == {b"there", b"other"}


async def test_streams_that_linger_make_way(
    hub: Hub, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_quota, "STREAMS", 3)
    for number in range(9):
        key = b"%d" % number
        redis_client.xadd(key, {b"n": 1})
        viewer = Viewer(hub, entries("default", key))
        await viewer.first(Begun)
        assert len(followed(hub)) <= 3
        hub.unsubscribe(viewer.feed)


async def test_beyond_the_quota_nothing_is_followed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription_quota, "STREAMS", 3)
    for key in KEYS:
        Viewer(hub, entries("default", key))
    for topic in (entries("default", b"d"), group("default", b"e", b"g")):
        with pytest.raises(QuotaExceeded):
            Viewer(hub, topic)
    assert followed(hub) == set(KEYS)
    assert len(hub.watched) == 3
    again = Viewer(hub, entries("default", b"a"))
    await again.first(Begun)


@pytest.mark.django_db(transaction=True)
async def test_a_viewer_reads_that_the_quota_is_used_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription_quota, "EACH", 2)
    async with by_token(await token()) as socket:
        for id_ in ("a", "b"):
            await socket.send_json_to(watch(id_, id_))
            await socket.next("watching")
        for more in (watch("c", "c"), _group("c", "c")):
            await socket.send_json_to(more)
            error = await socket.next()
            assert (error["type"], error["id"], error["code"]) == ("error", "c", "busy")
            assert error["message"] == "You already follow 2 streams live. Close some of their pages."
        await socket.send_json_to({"type": "unwatch", "id": "a"})
        await socket.send_json_to(watch("c", "c"))
        assert (await socket.next())["type"] == "watching"


def _group(id_: str, stream: str) -> dict[str, Any]:
    return {"type": "watch", "id": id_, "topic": "group", "server": "default", "stream": stream, "group": "g"}


async def test_whoever_watches_one_after_the_other_holds_up_nobody(hub: Hub, redis_client: redis.Redis) -> None:
    viewer = Viewer(hub, entries("default", b"a"))
    await viewer.first(Begun)

    async def restless() -> None:
        for number in range(10_000):
            hub.unsubscribe(Viewer(hub, entries("default", b"none %d" % number)).feed)
            await asyncio.sleep(0.0002)

    other = asyncio.create_task(restless())
    try:
        for number in range(1, 6):
            redis_client.xadd(b"a", {b"n": number}, id=f"{number}-0")
            assert await viewer.until(lambda number=number: len(viewer.ids) == number) < 1
    finally:
        other.cancel()
