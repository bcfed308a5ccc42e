"""The reader and the hub on a real server."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import redis

from dashboard.live import hub as hubs
from dashboard.live.feed import WAITING
from dashboard.live.hub import Hub, StartAt
from dashboard.live.news import Batch, Begun, Broken, Changed, Status
from dashboard.live.topics import entries, fleet, group
from dashboard.streams import links
from dashboard.streams.errors import NotAStream
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import ServerConfig
from streams_admin.demo import embedded
from tests.dashboard.live.news import Viewer
from tests.servers import chosen

ORDERS = b"orders:\xff new"
TOPIC = entries("default", ORDERS)


def add(client: redis.Redis, count: int = 1, key: bytes = ORDERS, **options: Any) -> list[str]:
    pipe = client.pipeline(transaction=False)
    for n in range(count):
        pipe.xadd(key, {b"n": n}, **options)
    return [id_.decode() for id_ in pipe.execute()]


async def test_a_new_entry_comes_within_a_second(hub: Hub, redis_client: redis.Redis) -> None:
    add(redis_client)
    viewer = Viewer(hub, TOPIC)
    await viewer.first(Begun)
    ids = add(redis_client)
    assert await viewer.until(lambda: viewer.ids == ids) < 1


async def test_a_stream_watched_later_is_live_at_once(hub: Hub, redis_client: redis.Redis) -> None:
    first = Viewer(hub, TOPIC)
    await first.first(Begun)
    await asyncio.sleep(0.2)
    other = Viewer(hub, entries("default", b"other"))
    await other.first(Begun, within=1)
    ids = add(redis_client, key=b"other")
    assert await other.until(lambda: other.ids == ids) < 1
    ids = add(redis_client)
    assert await first.until(lambda: first.ids == ids) < 1


async def test_frames_are_a_chain(hub: Hub, redis_client: redis.Redis) -> None:
    add(redis_client)
    viewer = Viewer(hub, TOPIC)
    begun = await viewer.first(Begun)
    ids = []
    for _ in range(5):
        ids += add(redis_client, 20)
        await asyncio.sleep(0.06)
    await viewer.until(lambda: len(viewer.ids) == 100)
    assert viewer.ids == ids
    batches = viewer.all(Batch)
    assert [batch.prev for batch in batches] == [begun.after, *(batch.last for batch in batches[:-1])]
    assert not any(batch.skipped for batch in batches)


async def test_a_viewer_resumes_after_its_last_id(hub: Hub, redis_client: redis.Redis) -> None:
    ids = add(redis_client, 10)
    viewer = Viewer(hub, TOPIC, StartAt(StreamId.parse(ids[3])))
    await viewer.until(lambda: viewer.ids == ids[4:])
    more = add(redis_client, 3)
    await viewer.until(lambda: viewer.ids == ids[4:] + more)
    again = Viewer(hub, TOPIC, StartAt(StreamId.parse(more[0]), viewer.all(Begun)[0].epoch))
    assert await again.until(lambda: again.ids == more[1:]) < 0.5
    assert not again.all(Broken)


async def test_what_is_beyond_the_page_is_counted(hub: Hub, redis_client: redis.Redis) -> None:
    ids = add(redis_client, 900)
    viewer = Viewer(hub, TOPIC, StartAt(StreamId.parse(ids[0])))
    await viewer.until(lambda: len(viewer.ids) == 500)
    assert viewer.ids == ids[400:]
    assert sum(batch.skipped for batch in viewer.all(Batch)) == 399


async def test_a_viewer_who_does_not_keep_up_loses_the_oldest_and_is_told_how_many(
    hub: Hub, redis_client: redis.Redis
) -> None:
    viewer = Viewer(hub, TOPIC, lazy=True)
    quick = Viewer(hub, TOPIC)
    await quick.first(Begun)
    ids = []
    for _ in range(10):
        ids += add(redis_client, 150)
        await quick.came(len(ids))
    viewer.take()
    assert viewer.ids == ids[-WAITING:]
    assert sum(batch.skipped for batch in viewer.all(Batch)) == len(ids) - WAITING


async def test_a_deleted_and_recreated_stream_is_said_to_be_so(hub: Hub, redis_client: redis.Redis) -> None:
    for number in (1, 2, 3):
        redis_client.xadd(ORDERS, {b"n": number}, id=f"5000-{number}")
    viewer = Viewer(hub, TOPIC)
    begun = await viewer.first(Begun)
    redis_client.delete(ORDERS)
    redis_client.xadd(ORDERS, {b"n": 1}, id="7-0")
    broken = await viewer.first(Broken, within=7)
    assert broken.reason == "recreated"
    assert broken.epoch != begun.epoch
    await viewer.until(lambda: viewer.ids == ["7-0"])
    assert viewer.all(Batch)[0].prev == MIN


async def test_a_deleted_stream_is_said_to_be_gone_and_found_again(hub: Hub, redis_client: redis.Redis) -> None:
    add(redis_client, 3)
    viewer = Viewer(hub, TOPIC)
    await viewer.first(Begun)
    redis_client.delete(ORDERS)
    assert (await viewer.first(Broken, within=7)).reason == "deleted"
    ids = add(redis_client)
    await viewer.until(lambda: viewer.ids == ids)


async def test_a_returning_viewer_learns_that_its_place_was_trimmed(hub: Hub, redis_client: redis.Redis) -> None:
    ids = add(redis_client, 10)
    redis_client.xtrim(ORDERS, maxlen=4, approximate=False)
    viewer = Viewer(hub, TOPIC, StartAt(StreamId.parse(ids[2])))
    assert (await viewer.first(Broken)).reason == "trimmed"
    await viewer.until(lambda: viewer.ids == ids[6:])


async def test_a_key_of_another_type_is_said_and_read_once_it_is_a_stream(hub: Hub, redis_client: redis.Redis) -> None:
    redis_client.set(ORDERS, b"x")
    viewer = Viewer(hub, TOPIC)
    await viewer.first(NotAStream)
    redis_client.delete(ORDERS)
    await viewer.first(Begun, within=7)
    ids = add(redis_client)
    await viewer.until(lambda: viewer.ids == ids)


async def test_changes_of_a_group_reach_its_viewers(hub: Hub, redis_client: redis.Redis) -> None:
    add(redis_client)
    redis_client.xgroup_create(ORDERS, b"g", id="0")
    viewer = Viewer(hub, group("default", ORDERS, b"g"))
    await asyncio.sleep(2.5)
    viewer.take()
    assert not viewer.all(Changed)
    redis_client.xreadgroup(b"g", b"c", {ORDERS: ">"})
    await viewer.first(Changed)


async def test_a_nudge_from_a_thread_reaches_viewers_and_listeners(hub: Hub) -> None:
    viewer = Viewer(hub, fleet())
    heard: list[object] = []
    hubs.on_nudge(heard.append)
    await asyncio.to_thread(hubs.nudge, fleet())
    await viewer.first(Changed, within=1)
    assert heard == [fleet()]


def started(port: int, folder: Path) -> tuple[embedded.Embedded, redis.Redis]:
    """A server that writes every command to a file before it answers."""
    options = ("--appendonly", "yes", "--appendfsync", "always", "--dir", str(folder))
    running = embedded.start(chosen(), port=port, options=options)
    return running, redis.Redis.from_url(running.url, protocol=2)


async def test_nothing_is_lost_when_the_server_is_killed_and_comes_back(tmp_path: Path) -> None:
    port = embedded.free_port()
    running, client = started(port, tmp_path)
    links.configure([ServerConfig("default", running.url)])
    hub = hubs.current()
    try:
        viewer = Viewer(hub, TOPIC)
        await viewer.first(Begun)
        ids = add(client, 5)
        await viewer.until(lambda: viewer.ids == ids)
        os.kill(running.pid, signal.SIGKILL)
        await viewer.until(lambda: any(s.state == "reconnecting" for s in viewer.all(Status)), 10)
        running.stop()
        running, client = started(port, tmp_path)
        ids += add(client, 5)
        await viewer.until(lambda: viewer.ids == ids and viewer.all(Status)[-1].state == "live", 10)
        assert not viewer.all(Broken)
    finally:
        await hub.stop()
        await links.get("default").aclose()
        links.configure([])
        running.stop()
