"""A stream is deleted only while it is what was shown, and only by somebody who types its name."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.accounts.access import Forbidden
from dashboard.streams.errors import Gone, NotAStream
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.names import plain, to_path
from streams_admin import writes
from streams_admin.errors import Changed, NotConfirmed
from streams_admin.models import AuditEntry
from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.streams_admin.acting import (
    ADMIN,
    OPERATOR,
    before_sending,
    counts_reads,
    lost_replies,
    planned,
    run,
    without_scripts,
)

pytestmark = pytest.mark.django_db(transaction=True)


def is_delete(command: tuple[Any, ...]) -> bool:
    return command[0] == "UNLINK" or (command[0] == "EVAL" and "UNLINK" in str(command[1]))


@pytest.fixture
def stream(server: Server, redis_client: redis.Redis) -> redis.Redis:
    fill(redis_client, 5)
    group(redis_client, read=2)
    return redis_client


def test_what_goes_is_shown_then_it_goes(server: Server, stream: redis.Redis) -> None:
    plan = planned("stream_delete", {})
    assert plan.preview["counts"] == {"entries": 5, "groups": 1, "pending": 2}
    titles = [note["title"] for note in plan.preview["notes"]]
    assert any(f"is reading in {plain(GROUP)}" in title for title in titles)
    unread = "3" if counts_reads(server) else "an unknown number"
    assert f"{plain(GROUP)} has 2 pending and {unread} not delivered yet" in titles
    done = run(plan)
    assert (done.state, done.results, done.after) == ("done", {"done": 1}, [["entries", 0], ["groups", 0]])
    assert not stream.exists(KEY)
    with pytest.raises(Gone):
        planned("stream_delete", {})


def test_its_name_has_to_be_typed(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1, key=b"orders:new")
    plan = planned("stream_delete", {}, key=b"orders:new")
    assert plan.preview["confirm"] == "orders:new"
    with pytest.raises(NotConfirmed):
        start.begin(ADMIN, plan, confirm="orders")
    assert redis_client.xlen(b"orders:new") == 1
    fill(redis_client, 1)
    assert planned("stream_delete", {}).preview["confirm"] == to_path(KEY)


@pytest.mark.parametrize("meanwhile", [("XADD", KEY, "*", "n", "6"), ("XDEL", KEY, "3-0"), ("DEL", KEY)])
def test_a_stream_that_changed_stays(stream: redis.Redis, meanwhile: tuple[Any, ...]) -> None:
    plan = planned("stream_delete", {})
    stream.execute_command(*meanwhile)
    left = stream.xlen(KEY)
    with pytest.raises(Changed):
        run(plan)
    assert stream.xlen(KEY) == left
    assert AuditEntry.objects.latest("pk").outcome == "refused"


@pytest.mark.parametrize(
    "meanwhile", [("XADD", KEY, "*", "n", "6"), ("XDEL", KEY, "3-0"), ("XGROUP", "CREATE", KEY, "new", "0")]
)
def test_an_entry_of_the_last_moment_is_not_lost(stream: redis.Redis, meanwhile: tuple[Any, ...]) -> None:
    plan = planned("stream_delete", {})
    with before_sending(is_delete, lambda: stream.execute_command(*meanwhile)):
        done = run(plan)
    assert (done.state, done.error) == ("failed", "The stream changed in the meantime. Nothing was done.")
    assert stream.exists(KEY)


def test_an_empty_stream_can_be_deleted(server: Server, redis_client: redis.Redis) -> None:
    group(redis_client, read=0)
    assert run(planned("stream_delete", {})).state == "done"
    assert not redis_client.exists(KEY)


def test_a_lost_reply_is_looked_up(stream: redis.Redis) -> None:
    plan = planned("stream_delete", {})
    with lost_replies(is_delete):
        assert run(plan).results == {"done": 1}


def test_without_scripts_it_is_deleted_right_after_a_look(stream: redis.Redis, redis_url: str) -> None:
    plain = without_scripts(stream, redis_url)
    old: dict[str, Any] = {"last_generated_id": StreamId(5, 0), "length": 4, "groups": 1}
    assert writes.stream_delete(plain, KEY, **old) == -1
    assert run(planned("stream_delete", {})).state == "done"
    assert not stream.exists(KEY)


@pytest.mark.parametrize("scripts", [True, False])
def test_another_type_is_never_deleted(
    server: Server, redis_client: redis.Redis, redis_url: str, scripts: bool
) -> None:
    watched = server if scripts else without_scripts(redis_client, redis_url)
    old: dict[str, Any] = {"last_generated_id": StreamId(1, 0), "length": 1, "groups": 0}
    with pytest.raises(Gone):
        writes.stream_delete(watched, KEY, **old)
    redis_client.set(KEY, "text")
    with pytest.raises(NotAStream):
        writes.stream_delete(watched, KEY, **old)
    with pytest.raises(NotAStream):
        planned("stream_delete", {})
    assert redis_client.get(KEY) == b"text"


def test_an_operator_may_not(stream: redis.Redis) -> None:
    with pytest.raises(Forbidden):
        planned("stream_delete", {}, caller=OPERATOR)
