"""What an operation costs the watched server, counted exactly: commands and round trips per 1,000 entries.

What is there once (the plan, the checks, the figures at the end) falls out: a long operation less a shorter one.
"""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.operations import loop
from tests.benchmarks.turns import Sent, counting
from tests.dashboard.streams.seeding import fill, group
from tests.streams_admin.acting import of_group, planned, run
from tests.streams_admin.recipes import HELPER

pytestmark = pytest.mark.django_db
SHORT, LONG = 2_000, 4_000
A_TURN = 600.0
"""Seconds: both end within one."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read ahead is not read again because the machine was busy meanwhile."""
    monkeypatch.setattr(loop, "FRESH_FOR", A_TURN)


@pytest.mark.parametrize(
    ("slug", "params", "commands", "trips"),
    [
        ("ack", {}, 6, 4),
        ("claim", {"to": to_path(HELPER)}, 6, 4),
        ("dead_letter", {}, 16, 12),
    ],
)
def test_commands_per_1000_entries_without_a_limit(
    slug: str, params: dict[str, Any], commands: int, trips: int, server: Server, redis_client: redis.Redis
) -> None:
    """Two batches: each a page (TIME and XPENDING, and where copies go its XINFO) and a write, of 100 where copied."""
    short, long = (_sent(slug, params, count, redis_client) for count in (SHORT, LONG))
    per_1000 = (LONG - SHORT) // 1000
    assert (long.commands - short.commands) / per_1000 == commands
    assert (long.trips - short.trips) / per_1000 == trips


def _sent(slug: str, params: dict[str, Any], count: int, client: redis.Redis) -> Sent:
    client.flushall()
    fill(client, count)
    group(client, read=count)
    plan = planned(slug, of_group(**params))
    with counting() as sent:
        operation = run(plan, duty=100, turn=A_TURN)
    assert operation.results == {"done": count}
    return sent
