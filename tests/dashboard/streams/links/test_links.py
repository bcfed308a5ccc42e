"""The way to a server: one runner for both modes, keys that say what a query touches, role and topology as asked."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.errors import PrimaryChanged, ServerRefused, Unreachable
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.queries import (
    Bodies,
    Both,
    Command,
    EntryQuery,
    EntryRange,
    FactsQuery,
    GroupQuery,
    IdentityQuery,
    MemoryQuery,
    PendingQuery,
    Query,
    ScanStreams,
    StreamQuery,
    TailRead,
    Together,
)
from dashboard.streams.queries.base import Known
from dashboard.streams.queries.probe import ProbeQuery
from dashboard.streams.queries.sampling import SampleStreams
from dashboard.streams.queries.server import ServedQuery, ServerQuery
from dashboard.streams.queries.watching import GroupFigures, ObserveStreams
from dashboard.streams.replies import Reply
from dashboard.streams.snapshots import Page, ServerFacts
from tests.clusters import address, cluster_of_one
from tests.dashboard.streams.impostor import impostor
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.streams_admin.acting import counts_reads

# one runner ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counting(Query[int]):
    """Three round trips; all but the first may be left out."""

    done: int = 0

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    @property
    def optional(self) -> bool:
        return self.done > 0

    def build(self) -> Sequence[Command]:
        return [("TIME",)]

    def parse(self, replies: Sequence[Reply]) -> int:
        return self.done + len(replies)

    def then(self, value: int) -> Query[int] | None:
        return Counting(value) if value < 3 else None


@pytest.fixture
def late(server: Server) -> Server:
    """Within a deadline that the first round trip still meets, and the second one does not."""
    exchange, aexchange = server.link.exchange, server.link.aexchange

    def slowly(commands: Sequence[Command]) -> list[Reply]:
        replies = exchange(commands)
        time.sleep(0.06)
        return replies

    async def aslowly(commands: Sequence[Command]) -> list[Reply]:
        replies = await aexchange(commands)
        await asyncio.sleep(0.06)
        return replies

    server.link.exchange = slowly  # type: ignore[method-assign]
    server.link.aexchange = aslowly  # type: ignore[method-assign]
    return server


async def test_both_modes_leave_out_what_is_optional_once_the_deadline_has_passed(late: Server) -> None:
    assert late.run(Counting()) == await late.arun(Counting()) == 3
    with links.deadline(links.READ_TIMEOUT + 0.05):
        assert late.run(Counting()) == 1
    with links.deadline(links.READ_TIMEOUT + 0.05):
        assert await late.arun(Counting()) == 1
    await late.aclose()


async def test_what_we_do_ourselves_is_no_time_of_the_server(server: Server) -> None:
    """The first request of a process imports and compiles; on a busy machine that takes longer than a page may wait."""
    with links.deadline(links.READ_TIMEOUT + 0.3):
        for _ in range(3):
            await asyncio.sleep(0.15)
            assert server.run(Counting()) == 3
            assert await server.arun(Counting()) == 3
    await server.aclose()


async def test_both_modes_refuse_what_cannot_end_within_the_deadline(server: Server) -> None:
    with links.deadline(links.READ_TIMEOUT - 0.1):
        with pytest.raises(Unreachable, match="no time left"):
            server.run(ScanStreams())
        with pytest.raises(Unreachable, match="no time left"):
            await server.arun(ScanStreams())
    assert server.down is None


async def test_both_modes_leave_a_server_alone_that_did_not_answer() -> None:
    with impostor(lambda command: None) as rude:
        server = Server(ServerConfig("rude", rude.url))
        for _ in range(2):
            with pytest.raises(Unreachable, match="closed the connection"):
                await server.arun(ScanStreams())
            with pytest.raises(Unreachable, match="closed the connection"):
                server.run(ScanStreams())
        assert len(rude.heard) == 1
        await server.aclose()


# keys ----------------------------------------------------------------------------------------------------------------


def concrete(kind: type[Any]) -> set[type[Any]]:
    below = {found for each in kind.__subclasses__() for found in concrete(each)}
    return below if inspect.isabstract(kind) or kind is Query else below | {kind}


def queries(server: Server) -> list[Query[Any]]:
    can = server.capabilities()
    overcounts = replace(can, info=replace(can.info, flavour="Redis", version=(7, 0, 0)))
    pending = server.run(PendingQuery(KEY, GROUP, bodies=False))
    assert isinstance(pending, Page)
    return [
        *(ProbeQuery(), ServerQuery(), ServedQuery(), ScanStreams(), Known(1)),
        *(StreamQuery(KEY, can, memory=True), FactsQuery(KEY), IdentityQuery(KEY), MemoryQuery((KEY, b"other"), can)),
        *(GroupQuery(KEY, GROUP, overcounts), PendingQuery(KEY, GROUP), Bodies(KEY, pending)),
        PendingQuery(KEY, GROUP, keep=lambda entry: False),
        *(EntryRange(KEY), EntryRange(KEY, newest_first=True, keep=lambda entry: False)),
        EntryQuery(KEY, StreamId(2, 0), can),
        TailRead(((KEY, MIN), (b"other", MIN)), block_ms=1, count=10),
        SampleStreams((KEY, b"other"), can),
        *(ObserveStreams((KEY, b"other")), GroupFigures((KEY, b"other"))),
        *(Together((EntryRange(KEY), FactsQuery(b"other"))), Both(EntryRange(KEY), PendingQuery(b"other", GROUP))),
    ]


def rounds(server: Server, query: Query[Any]) -> Iterator[Query[Any]]:
    """Every round of it."""
    following: Query[Any] | None = query
    while following is not None:
        yield following
        following = following.then(following.parse(server.link.exchange(following.build())))


def named(client: redis.Redis, command: Command) -> set[bytes]:
    """Which keys a command names, as the server itself says. Redis 7.0 says nothing of a command of one word."""
    if len(command) == 1:
        return set()
    raw = redis.Redis(connection_pool=client.connection_pool)
    raw.set_response_callback("COMMAND GETKEYS", lambda reply: reply)
    try:
        return set(raw.execute_command("COMMAND GETKEYS", *command))
    except redis.ResponseError as error:
        if "no key arguments" in str(error):
            return set()
        raise


def test_every_query_says_which_keys_it_touches(server: Server, redis_client: redis.Redis) -> None:
    seen: set[type[Any]] = set()
    for key in (KEY, b"other"):
        fill(redis_client, 40, key=key)
        group(redis_client, read=5, key=key)
        redis_client.execute_command("XDEL", key, "2-0")
    for query in queries(server):
        for each in rounds(server, query):
            seen.add(type(each))
            keys = {key for command in each.build() for key in named(redis_client, command)}
            assert keys == set(each.keys), each
    ours = {kind for kind in concrete(Query) if kind.__module__.startswith("dashboard.streams.")}
    without_lag = set() if counts_reads(server) else {"_Recount"}  # before 7.0 there is no number to doubt
    assert {kind.__name__ for kind in ours - seen} == {"_RoleQuery", *without_lag}


# role and topology ---------------------------------------------------------------------------------------------------


def test_a_server_is_a_primary_of_its_own(server: Server) -> None:
    assert server.known_facts.role == "unknown"
    assert server.known_facts.role_reason == "The server has not answered yet."
    assert server.facts() == server.known_facts == ServerFacts("standalone", "primary")


def test_a_change_of_role_is_seen_when_it_is_asked_again(server: Server, redis_client: redis.Redis) -> None:
    server.facts()
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert server.facts().role == "primary", "asked within a minute"
        assert server.facts(max_age=0).role == "replica"
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_refused_write_makes_the_role_be_asked_again(server: Server, redis_client: redis.Redis) -> None:
    server.facts()
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(ServerRefused, match="read-only replica"):
            server.writer.call("XADD", KEY, "*", "n", "1")
        assert server.known_facts.role == "unknown"
        assert server.facts().role == "replica"
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")


def test_an_outage_makes_it_be_asked_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links.deadlines, "COOLDOWN", 0)
    known = server.facts()
    server.link.breaker.failed(Unreachable("It did not answer."))
    assert server.known_facts.role == "unknown"
    assert server.facts() == known


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (("-info",), ("primary", "")),
        (("-info", "-role"), ("unknown", "The server's access list (ACL) does not allow this user to do that.")),
    ],
)
def test_without_info_role_is_asked_and_what_is_refused_is_unknown(
    redis_client: redis.Redis, redis_url: str, rules: tuple[str, ...], expected: tuple[str, str]
) -> None:
    redis_client.execute_command("ACL", "SETUSER", "picky", "reset", "on", ">pw", "~*", "+@all", *rules)
    try:
        server = Server(ServerConfig("picky", redis_url.replace("unix://", "unix://picky:pw@")))
        facts = server.facts()
        assert (facts.role, facts.role_reason) == expected
        assert facts.topology == "unknown"
        assert facts.topology_reason == "The server's access list (ACL) does not allow this user to do that."
        server.close()
    finally:
        redis_client.execute_command("ACL", "DELUSER", "picky")


async def test_a_blocked_read_that_a_failover_ends_says_so(server: Server, redis_client: redis.Redis) -> None:
    """Redis unblocks it with an error when a primary becomes a replica; the role is asked again then."""
    server.facts()
    async with aclosing(server.link.follow(lambda: TailRead(((KEY, MIN),), 5000, 1), 5000)) as batches:
        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0.2)
        try:
            redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(PrimaryChanged):
                await asyncio.wait_for(waiting, 2)
        finally:
            redis_client.execute_command("REPLICAOF", "NO", "ONE")
    assert server.known_facts.role == "unknown"


# a node in cluster mode ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def node() -> Iterator[redis.Redis]:
    with cluster_of_one() as client:
        yield client


@pytest.fixture
def clustered(node: redis.Redis) -> Iterator[Server]:
    server = Server(ServerConfig("cluster", address(node)))
    yield server
    server.close()


def test_keys_share_a_command_when_they_share_a_slot(server: Server, clustered: Server) -> None:
    assert server.link.same_slot(b"a", b"b")
    assert clustered.facts().topology == "cluster"
    assert not clustered.link.same_slot(b"orders", b"orders:dlq")
    assert clustered.link.same_slot(b"{orders}", b"{orders}:dlq")
    assert clustered.link.partitions([b"{a}1", b"b", b"{a}2"]) == [(b"{a}1", b"{a}2"), (b"b",)]


async def test_streams_of_several_slots_are_followed_too(clustered: Server, node: redis.Redis) -> None:
    """One XREAD over them is refused (CROSSSLOT)."""
    clustered.facts()
    read = TailRead(((b"one", MIN), (b"two", MIN)), 1000, 10)
    async with aclosing(clustered.link.follow(lambda: read, 1000)) as batches:
        assert await anext(batches) == {}
        for key in ("one", "two"):
            node.xadd(key, {"n": 1}, id="1-1")
        batch = await anext(batches)
    assert {key: [entry.id for entry in found] for key, found in batch.items()} == {
        b"one": [StreamId(1, 1)],
        b"two": [StreamId(1, 1)],
    }
