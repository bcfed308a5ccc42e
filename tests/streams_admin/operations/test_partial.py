"""A server that goes away in the middle of a batch: what was done of it is counted, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.links import ServerConfig, Writer
from streams_admin.demo import embedded
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import pieces
from tests.dashboard.streams.seeding import KEY, fill, group
from tests.servers import chosen
from tests.streams_admin.acting import of_group, planned, run, without_scripts
from tests.streams_admin.dying import finish

pytestmark = [pytest.mark.django_db, pytest.mark.faults]

COUNT = 400
"""Four scripts of a hundred each."""


@pytest.fixture(autouse=True)
def nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0, 0.1))
    monkeypatch.setattr(pieces, "BACKOFF", (0, 0.1))


@pytest.fixture
def doomed() -> Iterator[embedded.Embedded]:
    with embedded.start(chosen()) as running:
        with redis.Redis.from_url(running.url, protocol=2) as client:
            fill(client, COUNT)
            group(client, read=COUNT)
        links.configure([ServerConfig("default", running.url)])
        yield running
    links.configure([])


@contextmanager
def after_scripts(number: int, what: Callable[[], object], around: str = "after") -> Iterator[None]:
    """`what` happens before or after the n-th script that moves entries."""
    told, left = Writer._trip, [number]

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        moves = any(command[0] == "EVAL" and b"origin_stream" in str(command[1]).encode() for command in commands)
        left[0] -= moves
        now = moves and left[0] == 0
        if now and around == "before":
            what()
        replies = told(writer, connection, commands)
        if now and around == "after":
            what()
        return replies

    with patch.object(Writer, "_trip", each):
        yield


def outcome(operation: Operation) -> tuple[str, dict[str, int], str]:
    operation.refresh_from_db()
    return operation.state, operation.results, AuditEntry.objects.latest("pk").outcome


def test_what_was_moved_before_the_server_went_away_is_counted(doomed: embedded.Embedded) -> None:
    plan = planned("dead_letter", of_group())
    with after_scripts(2, doomed.stop):
        operation = run(plan)
    assert outcome(operation) == ("failed", {"done": 200}, "partly_done")
    assert [id_ for id_, result in operation.entries if result == "done"] == [f"{n}-0" for n in range(1, 201)]


def test_only_the_script_whose_reply_was_lost_is_unknown(doomed: embedded.Embedded) -> None:
    plan = planned("dead_letter", of_group())
    with after_scripts(3, doomed.stop, "before"):
        operation = run(plan)
    finish()
    state, results, word = outcome(operation)
    assert (state, results["done"], word) == ("failed", 200, "unknown")
    assert set(results) == {"done", "unknown"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_cut_off_in_the_middle_of_a_batch_what_was_not_sent_is_not_done(
    number: int, redis_client: redis.Redis, redis_url: str
) -> None:
    fill(redis_client, COUNT)
    group(redis_client, read=COUNT)
    links.configure([ServerConfig("default", redis_url)])
    plan = planned("dead_letter", of_group())

    def cut() -> None:
        redis_client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    with after_scripts(number, cut, "before"):
        operation = run(plan)
    moved = 100 * (number - 1)
    state, results, _ = outcome(operation)
    assert (state, results) == ("done", {**({"done": moved} if moved else {}), "failed": COUNT - moved})
    assert redis_client.xlen(KEY + b":dlq") == moved
    links.configure([])


def test_without_scripts_what_was_moved_before_is_found_out(redis_client: redis.Redis, redis_url: str) -> None:
    """The server cuts the connection off between two entries, and refuses the next one for a moment."""
    fill(redis_client, 6)
    group(redis_client, read=6)
    without_scripts(redis_client, redis_url)
    plan, told, left = planned("dead_letter", of_group()), Writer._connection, [12]

    @contextmanager
    def connection(writer: Writer) -> Iterator[Any]:
        left[0] -= 1
        if left[0] == 0:
            raise links.translate(ConnectionError("refused"))
        with told(writer) as found:
            yield found

    with patch.object(Writer, "_connection", connection):
        operation = run(plan)
    state, results, _ = outcome(operation)
    assert left[0] <= 0
    assert results.get("already_acknowledged", 0) == 0, "nobody else has acknowledged any"
    assert results["done"] == redis_client.xlen(KEY + b":dlq")
    assert sum(results.values()) == 6
    assert state == "done"
    links.configure([])
