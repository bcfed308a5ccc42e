"""Ghost clean-up: pending entries without a body are taken off the list, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.queries import Command
from streams_admin.actions.reads.entries import AT_ONCE
from streams_admin.errors import Changed
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group, neglect
from tests.html_page import Page
from tests.streams_admin.acting import act, before_sending, lost_replies, of_group, pending, planned, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def haunted(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Ten entries, eight of them pending for ten minutes; 1-0 and 2-0 trimmed, 5-0 deleted."""
    fill(redis_client, 10)
    group(redis_client, read=8)
    for number in range(1, 9):
        neglect(redis_client, f"{number}-0", idle_ms=600_000, deliveries=2)
    redis_client.xtrim(KEY, minid="3-0", approximate=False)
    redis_client.xdel(KEY, "5-0")
    return redis_client


def test_only_those_without_a_body_go(haunted: redis.Redis) -> None:
    plan = planned("ghosts", {"group": of_group()["group"]})
    assert (plan.preview["total"], plan.preview["least"]) == (3, False)
    assert run(plan).results == {"done": 3}
    assert sorted(pending(haunted)) == [b"3-0", b"4-0", b"6-0", b"7-0", b"8-0"]


def test_of_named_entries_those_with_a_body_are_passed_over(haunted: redis.Redis) -> None:
    assert act("ghosts", of_group("1-0", "3-0", "5-0")).results == {"done": 2}
    assert b"3-0" in pending(haunted)


def test_a_filter_narrows_it(haunted: redis.Redis) -> None:
    params = {**of_group(), "filter": {"start": "2-0"}}
    assert act("ghosts", params).results == {"done": 2}
    assert b"1-0" in pending(haunted)


def test_a_stream_that_is_empty_has_ghosts_only(haunted: redis.Redis) -> None:
    haunted.xtrim(KEY, maxlen=0, approximate=False)
    assert act("ghosts", of_group()).results == {"done": 8}
    assert pending(haunted) == {}


def test_a_ghost_that_a_worker_took_meanwhile_is_left_to_it(haunted: redis.Redis) -> None:
    """Redis 6.2 lets ghosts be claimed; where it does not, the claim itself clears them."""
    with before_sending(lambda c: c[0] == "EVAL", lambda: haunted.xclaim(KEY, GROUP, b"w2", 0, ["5-0"])):
        results = act("ghosts", of_group("1-0", "5-0")).results
    assert results in ({"done": 1, "owner_changed": 1}, {"done": 1, "already_acknowledged": 1})


def test_long_lists_are_walked(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2_600)
    group(redis_client, read=2_600)
    redis_client.xdel(KEY, "700-0", "2500-0")
    plan = planned("ghosts", of_group())
    assert (plan.preview["total"], plan.preview["least"]) == (1, True)
    assert run(plan).results == {"done": 2}
    assert len(pending(redis_client)) == 2_598


def test_the_list_of_operations_says_that_a_total_is_a_least(
    server: Server, redis_client: redis.Redis, admin: Client
) -> None:
    fill(redis_client, 2_600)
    group(redis_client, read=2_600)
    redis_client.xdel(KEY, "700-0", "2500-0")
    act("ghosts", of_group())
    cells = Page(admin.get("/operations/").content.decode()).root.all("td")
    assert any(cell.text.endswith("2 of at least 1") for cell in cells)


def test_bodies_are_looked_for_a_part_at_a_time(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis tells whether an entry is there by sending it: a thousand heavy ones would come at once."""
    fill(redis_client, 250)
    group(redis_client, read=250)
    redis_client.xdel(KEY, "200-0")
    told, sent = Standalone.exchange, []

    def asked(self: Standalone, commands: Sequence[Command]) -> list[Any]:
        sent.append(sum(command[0] == "XRANGE" for command in commands))
        return told(self, commands)

    monkeypatch.setattr(Standalone, "exchange", asked)
    assert act("ghosts", of_group()).results == {"done": 1}
    assert max(sent) == AT_ONCE


def test_no_ghost_no_plan(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    group(redis_client, read=3)
    with pytest.raises(Changed, match="was deleted"):
        planned("ghosts", of_group())


def test_a_lost_reply_is_found_out_by_reading(haunted: redis.Redis) -> None:
    with lost_replies(lambda command: command[0] == "EVAL"):
        assert act("ghosts", of_group()).results == {"done": 3}
