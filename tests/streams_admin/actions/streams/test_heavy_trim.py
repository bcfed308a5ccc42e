"""Trims and deletions where entries are huge: what is too heavy to be read is not guessed, nor counted to the end."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.queries.steps import PAGE_BYTES, STEP
from streams_admin.actions.reads import positions
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


@pytest.mark.parametrize(("slug", "params"), [("trim", {"minid": "59-0"}), ("delete", {"filter": {"end": "58-0"}})])
def test_a_plan_counts_on_so_many_pages_however_heavy_they_are(
    heavy: redis.Redis, monkeypatch: pytest.MonkeyPatch, slug: str, params: dict[str, Any]
) -> None:
    monkeypatch.setattr(positions, "PAGES", 2)
    preview = planned(slug, params).preview
    assert preview["least"]
    assert 8 <= preview["total"] <= 2 * (PAGE_BYTES // HUGE + STEP), "two pages, and what a step may exceed each by"
