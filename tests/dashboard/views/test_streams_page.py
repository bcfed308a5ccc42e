"""The list of a server's streams: what folds, in which order, and at what cost."""

from __future__ import annotations

import pytest
import redis
from django.test import Client

from dashboard.fleet.snapshots import StreamState
from dashboard.streams.links import Server

pytestmark = pytest.mark.django_db

LONG_AGO = "1700000000000-0"


def test_a_folded_prefix_is_judged_once_however_much_it_stands_for(
    server: Server, redis_client: redis.Redis, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word counts its members by its health: asked of all members for each of them, 600 streams took seconds."""
    asked = 0
    health = StreamState.health.fget

    def counted(state: StreamState) -> object:
        nonlocal asked
        asked += 1
        return health(state)  # type: ignore[misc]

    streams = 40
    for number in range(streams):
        redis_client.xadd(f"user:{number}", {"n": number}, id=LONG_AGO)
        redis_client.xgroup_create(f"user:{number}", "readers", "0")
    monkeypatch.setattr(StreamState, "health", property(counted))
    page = viewer.get("/s/default/").content.decode()
    assert "40 late" in page
    assert asked <= 10 * streams
