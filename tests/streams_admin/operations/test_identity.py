"""Under the same names there may be another server, or another stream: what was planned is not done there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.errors import StreamError
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from dashboard.streams.queries import Identity, IdentityQuery
from streams_admin.demo import embedded
from streams_admin.errors import Changed
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import pieces, start, state
from tests.dashboard.streams.seeding import KEY, fill
from tests.faults.model.wire import wire
from tests.servers import chosen
from tests.streams_admin.acting import ADMIN, lost_replies, planned, run
from tests.streams_admin.dying import Killed, dies_while, finish

pytestmark = [pytest.mark.django_db, pytest.mark.faults]

COUNT, BATCH = 1_200, 500
OTHER = "This is not the server that the plan was made on: it was replaced, or restarted as a new one."
RECREATED = "The stream was deleted and recreated."


@pytest.fixture
def other() -> Iterator[str]:
    """The address of another server, with a stream of the same name and IDs."""
    with embedded.start(chosen()) as running:
        with redis.Redis.from_url(running.url, protocol=2) as client:
            fill(client, COUNT)
        yield running.url
    links.configure([])


def length(url: str) -> int:
    with redis.Redis.from_url(url, protocol=2) as client:
        return int(client.xlen(KEY))


def begun(client: redis.Redis) -> Operation:
    """A deletion of which the first batch is through."""
    fill(client, COUNT)
    plan = planned("delete", {"filter": {}})
    operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
    assert (operation.state, operation.done) == ("queued", BATCH)
    return operation


def ended(operation: Operation) -> tuple[str, str, dict[str, int]]:
    finish()
    operation.refresh_from_db()
    return operation.state, operation.error, operation.results


def test_on_another_server_of_the_same_name_nothing_is_deleted(
    server: Server, redis_client: redis.Redis, other: str
) -> None:
    operation = begun(redis_client)
    links.configure([ServerConfig("default", other)])
    assert ended(operation) == ("failed", OTHER, {"done": BATCH})
    assert length(other) == COUNT
    assert AuditEntry.objects.latest("pk").outcome == "partly_done"


def test_what_was_being_done_on_the_former_server_is_unknown(
    server: Server, redis_client: redis.Redis, other: str
) -> None:
    operation = begun(redis_client)
    with dies_while(lambda command: command[0] == "XDEL", "after"), pytest.raises(Killed):
        start.work_once()
    operation.refresh_from_db()
    assert operation.inflight
    doing = len(operation.inflight["work"])
    links.configure([ServerConfig("default", other)])
    assert ended(operation) == ("failed", OTHER, {"done": BATCH, "unknown": doing})
    assert length(other) == COUNT


def test_a_plan_is_not_run_on_another_server(server: Server, redis_client: redis.Redis, other: str) -> None:
    fill(redis_client, COUNT)
    plan = planned("delete", {"ids": ["1-0"]})
    links.configure([ServerConfig("default", other)])
    with pytest.raises(Changed, match="not the server"):
        run(plan)
    assert length(other) == COUNT


def test_a_reply_that_is_lost_as_the_server_is_replaced_is_unknown(
    server: Server, redis_client: redis.Redis, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name leads to the other one by the time somebody looks what came of it."""
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0, 0))
    operation = begun(redis_client)
    there = ServerConfig("default", other)

    def replace(command: tuple[Any, ...]) -> bool:
        lost = command[0] == "XDEL"
        if lost:
            here = links.get("default")
            monkeypatch.setattr(here, "link", Server(there).link)
        return lost

    with lost_replies(replace):
        start.work_once()
    operation.refresh_from_db()
    assert (operation.state, operation.error) == ("failed", OTHER)
    assert set(operation.results) == {"done", "unknown"}
    assert length(other) == COUNT


@pytest.mark.parametrize("duty", [25, 100])
def test_a_connection_that_leads_elsewhere_by_now_is_not_written_to(
    redis_client: redis.Redis, redis_url: str, other: str, duty: int
) -> None:
    """It was closed right before a batch is done, and is made anew without a word."""
    fill(redis_client, COUNT)
    with wire(redis_url) as between:
        links.configure([ServerConfig("default", between.url)])
        plan = planned("delete", {"filter": {}})
        operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"], duty=duty)
        saved = state.save

        def save(*args: Any, **changes: Any) -> None:
            saved(*args, **changes)
            between.switch(other)

        with patch.object(state, "save", save):
            start.work_once()
        operation.refresh_from_db()
    assert (operation.state, operation.error) == ("failed", OTHER)
    assert length(other) == COUNT
    assert operation.results["done"] == COUNT - redis_client.xlen(KEY)


@pytest.mark.parametrize("slug", ["delete", "replay"])
def test_other_content_under_the_same_ids_is_refused(server: Server, redis_client: redis.Redis, slug: str) -> None:
    """As long, with the same first and last entry: only what the plan named has changed."""
    fill(redis_client, 5)
    more = {"to": to_path(b"copies")} if slug == "replay" else {}
    plan = planned(slug, {"ids": ["2-0", "3-0"], **more})
    redis_client.flushall()
    for number in range(1, 6):
        redis_client.xadd(KEY, {"n": str(number) if number != 3 else "other"}, id=f"{number}-0")
    with pytest.raises(Changed, match="3-0 is another entry now"):
        run(plan)
    assert redis_client.xlen(KEY) == 5
    assert not redis_client.exists("copies")


@pytest.mark.parametrize("params", [{"ids": ["2-0"]}, {"filter": {"end": "3-0"}}])
def test_a_stream_that_was_emptied_and_filled_anew_is_refused(
    server: Server, redis_client: redis.Redis, params: dict[str, Any]
) -> None:
    fill(redis_client, 5)
    plan = planned("delete", params)
    redis_client.flushall()
    for number in range(1, 9):
        redis_client.xadd(KEY, {"n": "new"}, id=f"{number}-0")
    with pytest.raises(Changed, match="stream was deleted and recreated"):
        run(plan)
    assert redis_client.xlen(KEY) == 8


def test_recreated_in_the_middle_of_an_operation_it_ends(server: Server, redis_client: redis.Redis) -> None:
    operation = begun(redis_client)
    redis_client.flushall()
    fill(redis_client, COUNT - 1)
    assert ended(operation) == ("failed", RECREATED, {"done": BATCH})
    assert redis_client.xlen(KEY) == COUNT - 1


def test_what_grows_and_is_trimmed_is_the_same_stream(server: Server, redis_client: redis.Redis) -> None:
    operation = begun(redis_client)
    redis_client.xtrim(KEY, minid="700-0", approximate=False)
    redis_client.xadd(KEY, {"n": "new"}, id="2000-0")
    state, error, results = ended(operation)
    assert (state, error) == ("done", "")
    assert redis_client.xlen(KEY) == 1
    assert results["done"] >= BATCH + COUNT - 699


def test_after_a_failover_it_is_the_same_server() -> None:
    before = Identity(run_id="a", replid="line", last="5-0")
    promoted = Identity(run_id="b", replid="new", former="line", last="5-0")
    assert before.replaced_by(promoted) == ""
    assert promoted.replaced_by(before) != "", "the old primary has not what came since"
    assert before.replaced_by(Identity(run_id="b", replid="new", last="5-0")) == OTHER
    assert before.replaced_by(Identity(run_id="a", replid="new", last="5-0")) == "", "it restarted nothing"
    assert before.replaced_by(Identity(last="5-0")) == "", "INFO is refused: nothing is known"


def test_a_replica_that_takes_over_goes_on(server: Server, redis_client: redis.Redis, other: str) -> None:
    """Its replication ID is new, and it says which one it goes back to."""
    port = embedded.free_port()
    redis_client.config_set("port", port)
    try:
        with redis.Redis.from_url(other, protocol=2) as replica:
            replica.execute_command("REPLICAOF", "127.0.0.1", port)
            wait_until(lambda: replica.info("replication")["master_link_status"] == "up")
            operation = begun(redis_client)
            wait_until(lambda: replica.exists(KEY) and replica.xlen(KEY) == COUNT - BATCH)
            replica.execute_command("REPLICAOF", "NO", "ONE")
    finally:
        redis_client.config_set("port", 0)
    links.configure([ServerConfig("default", other)])
    assert ended(operation) == ("done", "", {"done": COUNT})
    assert length(other) == 0


def wait_until(what: Callable[[], object]) -> None:
    ends = time.monotonic() + 30
    while not what():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.1)


def test_without_info_the_stream_is_looked_at_all_the_same(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    refused = [StreamError("no"), StreamError("no")]
    raw = server.link.exchange([("XINFO", "STREAM", KEY)])
    assert IdentityQuery(KEY).parse([*refused, *raw]).last == "2-0"
