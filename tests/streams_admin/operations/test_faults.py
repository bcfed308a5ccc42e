"""Replies that are lost, servers that end: what came of it is found out by reading, and nothing is sent again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.errors import Unreachable
from dashboard.streams.links import ServerConfig
from dashboard.streams.names import to_path
from streams_admin.demo import embedded
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import loop, pieces, start
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.servers import chosen
from tests.streams_admin.acting import ADMIN, of_group, pending, planned, run
from tests.streams_admin.dying import finish
from tests.streams_admin.proxy import Loss, Proxy, proxied
from tests.streams_admin.recipes import HELPER, IDLE_MS

pytestmark = [pytest.mark.django_db, pytest.mark.faults]

COUNT = 8
WRITE = {"claim": b"XCLAIM", "ack": b"EVAL"}
PARAMS = {"claim": of_group(to=to_path(HELPER), bump=True), "ack": of_group()}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("actions.pending.look", "operations.loop", "operations.pieces", "operations.start"):
        monkeypatch.setattr(f"streams_admin.{module}.BATCH", 3)
    monkeypatch.setattr(loop, "GENTLE", 3)
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0, 0.1))
    monkeypatch.setattr(pieces, "BACKOFF", (0, 0.1))


def seed(client: redis.Redis) -> redis.Redis:
    """Eight entries pending with WORKER: three batches."""
    fill(client, COUNT)
    group(client, read=COUNT)
    for number in range(1, COUNT + 1):
        neglect(client, f"{number}-0", idle_ms=IDLE_MS)
    client.execute_command("CONFIG", "RESETSTAT")
    return client


@pytest.fixture
def proxy(redis_client: redis.Redis, redis_url: str) -> Iterator[Proxy]:
    """In front of the writer; the reader is not behind it."""
    seed(redis_client)
    with proxied(redis_url) as between:
        links.configure([ServerConfig("default", redis_url, admin_url=between.url)])
        yield between
    links.configure([])


def calls(client: redis.Redis, command: str) -> int:
    """How often the server has carried it out."""
    found = client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})
    return int(found["calls"])


def planned_apart(slug: str, client: redis.Redis) -> Plan:
    """A plan; what planning sends (a script that does nothing, to see whether any runs) is not counted."""
    plan = planned(slug, PARAMS[slug])
    client.execute_command("CONFIG", "RESETSTAT")
    return plan


def outcomes() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("slug", ["claim", "ack"])
def test_a_lost_reply_is_found_out_by_reading(slug: str, number: int, proxy: Proxy, redis_client: redis.Redis) -> None:
    plan = planned_apart(slug, redis_client)
    proxy.lose(WRITE[slug], number, "reply")
    operation = run(plan)
    assert (operation.state, operation.results) == ("done", {"done": COUNT})
    assert outcomes() == ["started", "done"]
    if slug == "claim":
        assert {(who, count) for who, _, count in pending(redis_client).values()} == {(HELPER, 2)}
    else:
        assert pending(redis_client) == {}
    assert proxy.seen == calls(redis_client, WRITE[slug].decode().lower()) == 3, "three batches, none sent again"


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("slug", ["claim", "ack"])
def test_a_lost_request_is_a_failure_and_is_not_sent_again(
    slug: str, number: int, proxy: Proxy, redis_client: redis.Redis
) -> None:
    plan = planned_apart(slug, redis_client)
    proxy.lose(WRITE[slug], number, "request")
    operation = run(plan)
    lost = 2 if number == 3 else 3
    assert (operation.state, operation.results) == ("done", {"done": COUNT - lost, "failed": lost})
    assert outcomes() == ["started", "partly_done"]
    untouched = [id_ for id_, (who, _, count) in pending(redis_client).items() if (who, count) == (WORKER, 1)]
    assert len(untouched) == lost
    assert [id_ for id_, result in operation.entries if result == "failed"] == [id_.decode() for id_ in untouched]
    assert (proxy.seen, calls(redis_client, WRITE[slug].decode().lower())) == (3, 2)


def test_workers_that_go_on_meanwhile_are_not_counted_as_ours(proxy: Proxy, redis_client: redis.Redis) -> None:
    """The request is lost; before anybody looks, one entry is acknowledged and another one is claimed."""

    def workers() -> None:
        redis_client.xack(KEY, GROUP, "1-0")
        redis_client.xclaim(KEY, GROUP, b"thief", 0, [b"2-0"], justid=True)

    proxy.lose(WRITE["claim"], 1, "request", workers)
    operation = run(planned("claim", of_group("1-0", "2-0", "3-0", to=to_path(HELPER))))
    assert operation.entries == [["1-0", "already_acknowledged"], ["2-0", "owner_changed"], ["3-0", "failed"]]
    assert outcomes() == ["started", "failed"]


@pytest.mark.parametrize("duty", [25, 100], ids=["in pieces", "at once"])
@pytest.mark.parametrize("slug", ["claim", "dead_letter"])
def test_a_server_that_stalls_for_a_while_is_waited_for(
    slug: str, duty: int, many: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a read may take: each is asked again, and nothing is done twice."""
    monkeypatch.setattr(pieces, "BACKOFF", (0.2, 0.5, 1.0, 2.0))
    links.configure([ServerConfig("default", redis_url)])
    params = of_group(**({"to": to_path(HELPER)} if slug == "claim" else {}))
    operation = start.begin(ADMIN, planned(slug, params), duty=duty)
    many.execute_command("CLIENT", "PAUSE", 1_500, "ALL")
    while start.work_once(60.0):
        pass
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("done", {"done": 1200})
    moved = many.xlen(KEY + b":dlq") if slug == "dead_letter" else len(pending(many))
    assert moved == 1200


@pytest.fixture
def doomed() -> Iterator[embedded.Embedded]:
    """A server of its own, to be ended."""
    with embedded.start(chosen()) as running:
        yield running
    links.configure([])


@pytest.mark.parametrize("loss", ["reply", "request"])
def test_a_server_that_ends_during_a_write_leaves_it_unknown(doomed: embedded.Embedded, loss: Loss) -> None:
    with redis.Redis.from_url(doomed.url, protocol=2) as client, proxied(doomed.url) as between:
        seed(client)
        links.configure([ServerConfig("default", doomed.url, admin_url=between.url)])
        plan = planned("claim", PARAMS["claim"])
        between.lose(WRITE["claim"], 2, loss, doomed.stop)
        operation = run(plan)
    assert operation.state == "failed"
    assert operation.results == {"done": 3, "unknown": 3}
    assert operation.error
    assert operation.after == []
    assert outcomes() == ["started", "unknown"]
    line = AuditEntry.objects.latest("pk")
    assert (line.counts, line.detail) == (operation.results, operation.error)


def test_a_server_that_ends_between_two_batches_is_a_failure_with_what_was_done(doomed: embedded.Embedded) -> None:
    with redis.Redis.from_url(doomed.url, protocol=2) as client:
        seed(client)
        links.configure([ServerConfig("default", doomed.url)])
        operation = start.begin(ADMIN, planned("claim", PARAMS["claim"]))
        assert (operation.state, operation.done) == ("queued", 3)
    doomed.stop()
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("failed", {"done": 3})
    assert "not running" in operation.error or "closed" in operation.error
    assert outcomes() == ["started", "partly_done"]


def test_a_server_that_has_ended_before_is_a_failure_and_nothing_began(doomed: embedded.Embedded) -> None:
    with redis.Redis.from_url(doomed.url, protocol=2) as client:
        seed(client)
        links.configure([ServerConfig("default", doomed.url)])
        plan = planned("claim", PARAMS["claim"])
    doomed.stop()
    with pytest.raises(Unreachable):
        run(plan)
    assert not Operation.objects.exists()
    assert outcomes() == ["failed"]


def test_what_is_refused_in_part_is_found_out(proxy: Proxy, redis_client: redis.Redis) -> None:
    """Each delivery count makes a command of its own; the server becomes a replica after the first of them."""
    neglect(redis_client, "2-0", idle_ms=IDLE_MS, deliveries=4)
    plan = planned("claim", of_group("1-0", "2-0", to=to_path(HELPER), bump=True))
    writer = links.get("default").writer
    told = writer.each

    def each(words: list[tuple[bytes | str | int, ...]]) -> list[object]:
        first, *others = words
        replies = told([first])
        redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            return [*replies, *told(others)]
        finally:
            redis_client.execute_command("REPLICAOF", "NO", "ONE")

    writer.each = each  # type: ignore[method-assign, assignment]
    operation = run(plan)
    assert operation.entries == [["1-0", "done"], ["2-0", "failed"]]
    assert outcomes() == ["started", "partly_done"]


@pytest.mark.parametrize("deep", [False, True], ids=["by ID", "by length"])
def test_trim_removes_what_was_shown_however_the_replies_are_lost(
    deep: bool, redis_client: redis.Redis, redis_url: str
) -> None:
    """New entries arrive while a reply is lost. What lies too deep to be read as an ID is trimmed by length."""
    count, keep = (1300, 600) if deep else (50, 20)
    fill(redis_client, count)

    def arrive() -> None:
        for number in range(count + 1, count + 31):
            redis_client.xadd(KEY, {"n": number}, id=f"{number}-0")

    with proxied(redis_url) as between:
        links.configure([ServerConfig("default", redis_url, admin_url=between.url)])
        plan = planned("trim", {"maxlen": keep, "approximate": False})
        between.lose(b"XTRIM", 1, "reply", arrive)
        operation = run(plan)
    links.configure([])
    found = redis_client.xinfo_stream(KEY)
    first = int(found["first-entry"][0].split(b"-")[0])
    assert found["last-entry"][0] == f"{count + 30}-0".encode()
    if deep and "entries-added" not in found:  # before 7.0
        assert operation.results["unknown"] == count - keep
        assert first <= count - keep + 1, "what was to stay stays"
    else:
        assert (first, operation.results) == (count - keep + 1, {"done": count - keep})
