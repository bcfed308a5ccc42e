"""A trim to a length where entries are huge: what is too heavy to be read as an ID is not guessed."""

from __future__ import annotations

import pytest
import redis

from dashboard.streams.servers import Server
from tests.dashboard.streams.seeding import KEY
from tests.streams_admin.acting import act, entries, planned

pytestmark = pytest.mark.django_db
HUGE, COUNT = 500_000, 60


@pytest.fixture
def heavy(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """The first and the last entry are small."""
    for number in range(1, COUNT + 1):
        redis_client.xadd(KEY, {"body": b"x" * (1 if number in (1, COUNT) else HUGE)}, id=f"{number}-0")
    return redis_client


@pytest.mark.parametrize("keep", [COUNT - 3, 40, 20, 3])
def test_what_stays_is_what_was_asked_for(heavy: redis.Redis, keep: int) -> None:
    params = {"maxlen": keep, "approximate": False}
    assert planned("trim", params).preview["total"] == COUNT - keep
    assert act("trim", params).results == {"done": COUNT - keep}
    assert [int(id_.split(b"-")[0]) for id_, _ in entries(heavy)] == list(range(COUNT - keep + 1, COUNT + 1))
