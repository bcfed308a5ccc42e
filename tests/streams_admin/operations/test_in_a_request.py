"""What runs within a request never waits: what came of a lost reply is for the background to find out."""

from __future__ import annotations

import time

import pytest
import redis

from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.streams_admin.acting import ADMIN, lost_replies, of_group, pending, planned

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError(f"a request would wait for {seconds} s")

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.fixture
def four(server: object, redis_client: redis.Redis) -> redis.Redis:
    """Four entries that are pending."""
    fill(redis_client, 4)
    group(redis_client, read=4)
    return redis_client


def test_a_lost_reply_is_looked_into_behind_the_request(four: redis.Redis) -> None:
    plan = planned("ack", of_group())
    with lost_replies(lambda command: command[0] == "EVAL"):
        operation = start.begin(ADMIN, plan)
    assert (operation.state, operation.runner) == ("queued", "")
    assert operation.inflight is not None, "the background finds out by what was about to be done"
    assert pending(four, key=KEY, group=GROUP) == {}, "it had been done"
