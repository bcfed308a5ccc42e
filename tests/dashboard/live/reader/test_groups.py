"""The figures of a watched group: told when they move, and when they cannot be read."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import redis

from dashboard.live.hub import Hub
from dashboard.live.news import Changed, Status
from dashboard.live.reader.groups import EVERY
from dashboard.live.topics import Topic, group
from streams_admin.demo.embedded import Embedded
from tests.dashboard.live.news import Viewer

TOPIC = group("default", b"orders", b"workers")


@pytest.fixture
def topic(redis_client: redis.Redis, embedded_server: Embedded) -> Iterator[Topic]:
    """A group that is still; the server goes on, whatever a test did to it."""
    redis_client.xgroup_create("orders", "workers", mkstream=True)
    yield TOPIC
    os.kill(embedded_server.pid, signal.SIGCONT)


async def test_a_server_that_stands_still_is_told_within_two_refreshes(
    hub: Hub, topic: Topic, embedded_server: Embedded
) -> None:
    viewer = Viewer(hub, topic)
    os.kill(embedded_server.pid, signal.SIGSTOP)
    status = await viewer.first(Status, within=2 * EVERY)
    assert (status.state, status.reason) == ("stale", "The server did not answer in time.")
    await viewer.first(Changed, within=0.1)

    late = Viewer(hub, topic)
    assert (await late.first(Status, within=0.1)).state == "stale"

    os.kill(embedded_server.pid, signal.SIGCONT)
    for each in (viewer, late):
        await each.until(lambda each=each: each.all(Status)[-1].state == "live", 2 * EVERY)  # type: ignore[misc]
        assert len(each.all(Changed)) == (2 if each is viewer else 1)


async def test_trouble_is_told_once_and_not_at_every_refresh(hub: Hub, topic: Topic, embedded_server: Embedded) -> None:
    viewer = Viewer(hub, topic)
    os.kill(embedded_server.pid, signal.SIGSTOP)
    await viewer.first(Changed, within=2 * EVERY)
    with pytest.raises(AssertionError, match="not within"):
        await viewer.until(lambda: len(viewer.got) > 2, 2 * EVERY)
