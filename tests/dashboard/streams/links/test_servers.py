"""Servers that are down, mute, picky or read-only: one sentence, in time, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import (
    Gone,
    NotAllowed,
    NotAStream,
    OutcomeUnknown,
    ServerRefused,
    StreamError,
    UnknownServer,
    Unreachable,
)
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server, ServerConfig, Writer, translate
from dashboard.streams.queries import (
    Command,
    EntryQuery,
    EntryRange,
    GroupQuery,
    MemoryQuery,
    PendingQuery,
    Query,
    ScanStreams,
    StreamQuery,
    TailRead,
)
from dashboard.streams.replies import Reply
from streams_admin.demo import embedded
from tests.dashboard.streams.impostor import impostor
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.servers import chosen


def down_within_a_second(server: Server) -> str:
    began = time.monotonic()
    with pytest.raises(Unreachable) as failure:
        server.run(ScanStreams())
    assert time.monotonic() - began < 1
    return failure.value.message


# down ----------------------------------------------------------------------------------------------------------------


NOBODY = f"redis://127.0.0.1:{embedded.free_port()}"
NOWHERE = pytest.mark.parametrize(
    ("url", "words"),
    [
        (NOBODY, "Connection refused: nothing is listening at the server's address."),
        ("unix:///tmp/streamgauge-none.sock", "The server's socket does not exist: it is not running."),
        ("redis://no-such-host.invalid", "The server's host name cannot be resolved."),
    ],
    ids=["port", "socket", "host"],
)


@NOWHERE
def test_a_server_that_is_not_there_is_unreachable(url: str, words: str) -> None:
    server = Server(ServerConfig("gone", url))
    assert down_within_a_second(server) == words
    assert server.down is not None
    assert server.down_since is not None


@NOWHERE
async def test_the_async_reader_sees_the_same(url: str, words: str) -> None:
    server = Server(ServerConfig("gone", url))
    began = time.monotonic()
    with pytest.raises(Unreachable) as failure:
        await server.arun(ScanStreams())
    assert time.monotonic() - began < 1
    assert failure.value.message == words
    await server.aclose()


def test_a_server_that_never_answers_is_unreachable() -> None:
    with impostor(lambda command: b"") as mute:
        assert down_within_a_second(Server(ServerConfig("mute", mute.url))) == "The server did not answer in time."


def test_a_server_that_hangs_up_is_unreachable() -> None:
    with impostor(lambda command: None) as rude:
        assert down_within_a_second(Server(ServerConfig("rude", rude.url))) == "The server closed the connection."
        assert len(rude.heard) == 1


def test_a_server_that_is_loading_is_unreachable_until_it_has_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no reply of the refused round is taken for one of the next."""
    monkeypatch.setattr(links.deadlines, "COOLDOWN", 0)
    loading = True
    with impostor(
        lambda command: b"-LOADING in memory\r\n" if loading else b"$%d\r\n%s\r\n" % (len(command[1]), command[1])
    ) as busy:
        server = Server(ServerConfig("loading", busy.url))
        with pytest.raises(Unreachable, match="loading its data"):
            server.run(Echo((b"1", b"2", b"3")))
        loading = False
        assert server.run(Echo((b"4", b"5"))) == (b"4", b"5")
        assert server.down is None


@dataclass(frozen=True)
class Echo(Query[tuple[bytes, ...]]):
    words: tuple[bytes, ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[Command]:
        return [("ECHO", word) for word in self.words]

    def parse(self, replies: Sequence[Reply]) -> tuple[bytes, ...]:
        return tuple(replies)


def test_a_wrong_password_is_said_to_be_one(redis_url: str) -> None:
    url = redis_url.replace("unix://", "unix://nobody:wrong@")
    words = down_within_a_second(Server(ServerConfig("locked", url)))
    assert words == "The server rejected the configured user or password."
    assert "wrong" not in repr(ServerConfig("locked", url))


def test_a_server_that_is_down_is_not_asked_again_at_once() -> None:
    """A page with ten reads waits once, not ten times."""
    with impostor(lambda command: b"") as mute:
        server = Server(ServerConfig("mute", mute.url))
        down_within_a_second(server)
        began = time.monotonic()
        for _ in range(10):
            with pytest.raises(Unreachable, match="did not answer in time"):
                server.run(ScanStreams())
        assert time.monotonic() - began < 0.1
        assert len(mute.heard) == 1


def test_a_server_that_comes_back_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process answers once it goes on; what it can do is asked anew, for it may be another one."""
    monkeypatch.setattr(links.deadlines, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(links.deadlines, "COOLDOWN", 0.1)
    with embedded.start(chosen()) as running:
        server = Server(ServerConfig("stopped", running.url))
        before = server.capabilities()
        os.kill(running.pid, signal.SIGSTOP)
        try:
            assert down_within_a_second(server) == "The server did not answer in time."
        finally:
            os.kill(running.pid, signal.SIGCONT)
        time.sleep(0.15)
        assert server.run(ScanStreams()) == (0, ())
        assert server.down is None
        assert server.down_since is None
        assert server.capabilities() == before
        assert server.capabilities() is not before
        server.close()


# forbidden -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(redis_url: str, redis_client: redis.Redis) -> Iterator[type[Reader]]:
    """Makes servers that are seen as a user with an access list of its own."""
    Reader.client, Reader.url = redis_client, redis_url
    fill(redis_client, 3)
    group(redis_client, read=2)
    yield Reader
    redis_client.execute_command("ACL", "DELUSER", "reader")


class Reader:
    client: redis.Redis
    url: str

    @classmethod
    def that_may(cls, *rules: bytes | str) -> Server:
        cls.client.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">pw", *rules)
        return Server(ServerConfig("reader", cls.url.replace("unix://", "unix://reader:pw@")))


def test_a_key_out_of_bounds_is_not_allowed(reader: type[Reader]) -> None:
    server = reader.that_may("~other:*", "+@all")
    for query in (
        StreamQuery(KEY, server.capabilities()),
        GroupQuery(KEY, GROUP, server.capabilities()),
        PendingQuery(KEY, GROUP),
        EntryRange(KEY),
        EntryQuery(KEY, StreamId(1, 0), server.capabilities()),
    ):
        with pytest.raises(NotAllowed, match=r"access list \(ACL\)"):
            server.run(query)
    assert server.down is None


def test_a_command_that_is_missing_is_not_allowed(reader: type[Reader]) -> None:
    server = reader.that_may("~*", "+@all", "-xinfo")
    with pytest.raises(NotAllowed):
        server.run(StreamQuery(KEY, server.capabilities()))
    assert len(server.run(EntryRange(KEY)).items) == 3


def test_a_user_who_may_do_nothing_is_told_so(reader: type[Reader]) -> None:
    server = reader.that_may()
    with pytest.raises(NotAllowed):
        server.run(StreamQuery(KEY, server.capabilities()))


def test_without_payloads_pending_entries_are_still_listed(reader: type[Reader]) -> None:
    server = reader.that_may("~*", "+@all", "-xrange", "-xrevrange")
    assert [(e.id.ms, e.fields, e.body) for e in server.run(PendingQuery(KEY, GROUP)).items] == [
        (1, (), "unread"),
        (2, (), "unread"),
    ]
    with pytest.raises(NotAllowed):
        server.run(EntryRange(KEY))


def test_without_pending_lists_streams_are_still_shown(reader: type[Reader]) -> None:
    server = reader.that_may("~*", "+@all", "-xpending")
    (found,) = server.run(StreamQuery(KEY, server.capabilities())).groups
    assert (found.pending, found.oldest) == (2, None)


def test_without_memory_usage_it_is_unknown_with_the_reason(reader: type[Reader]) -> None:
    server = reader.that_may("~*", "+@all", "-memory")
    reason = "The configured user may not run MEMORY USAGE."
    assert server.run(StreamQuery(KEY, server.capabilities(), memory=True)).facts.memory.reason == reason
    assert server.run(MemoryQuery((KEY,), server.capabilities()))[KEY].reason == reason


def test_without_the_servers_clock_it_is_ours(reader: type[Reader]) -> None:
    server = reader.that_may("~*", "+@all", "-time")
    assert abs(server.run(StreamQuery(KEY, server.capabilities())).now_ms - time.time() * 1000) < 5000


def test_without_introduction_the_server_is_of_unknown_version(reader: type[Reader]) -> None:
    server = reader.that_may("~*", "+@all", "-info", "-command", "-client")
    can = server.capabilities()
    assert (can.commands, can.info.version_text) == (frozenset(), "unknown version")
    assert can.missing("xnack") == "needs Redis 8.8; this is Redis unknown version"
    assert server.run(StreamQuery(KEY, can)).facts.length == 3


# what it can do ------------------------------------------------------------------------------------------------------


def test_what_the_server_can_do_is_asked_of_the_server(server: Server, redis_client: redis.Redis) -> None:
    can = server.capabilities()
    assert can.has("eval")
    assert can.missing("eval") == ""
    assert (can.info.flavour, can.info.role) == (
        ("Valkey" if "valkey_version" in redis_client.info() else "Redis"),
        "master",
    )
    for command in ("xdelex", "xnack"):
        known = bool(redis_client.command_count()) and command in redis_client.command()
        assert can.has(command) == known
        assert known or str(can.info.version[0]) in can.missing(command)


def test_what_it_can_do_is_asked_once(server: Server) -> None:
    assert server.capabilities() is server.capabilities()


async def test_what_it_can_do_is_the_same_from_a_loop(server: Server) -> None:
    can: Capabilities = await server.acapabilities()
    assert can is server.capabilities()
    await server.aclose()


# the tail ------------------------------------------------------------------------------------------------------------


async def test_the_tail_waits_for_what_comes(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    reads = iter(
        (
            TailRead(((KEY, MIN), (b"later", MIN)), 1000, 1),
            TailRead(((KEY, StreamId(2, 0)), (b"later", MIN)), 5000, 10),
        )
    )
    async with aclosing(server.link.follow(lambda: next(reads), 5000)) as batches:
        assert await anext(batches) == {KEY: server.run(EntryRange(KEY, limit=1)).items}
        waiting = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        redis_client.execute_command("XADD", b"later", "7-7", b"f\xff", b"1", b"f\xff", b"2")
        found = await asyncio.wait_for(waiting, 2)
    assert {key: [(e.id, e.fields) for e in new] for key, new in found.items()} == {
        b"later": [(StreamId(7, 7), ((b"f\xff", b"1"), (b"f\xff", b"2")))]
    }


async def test_the_tail_comes_back_empty_when_nothing_comes(server: Server) -> None:
    async with aclosing(server.link.follow(lambda: TailRead(((b"quiet", MIN),), 10, 1), 1000)) as batches:
        assert await anext(batches) == {}


async def test_the_tail_says_what_is_wrong(server: Server, redis_client: redis.Redis) -> None:
    redis_client.set("text", "x")
    async with aclosing(server.link.follow(lambda: TailRead(((b"text", MIN),), 10, 1), 1000)) as batches:
        with pytest.raises(NotAStream):
            await anext(batches)


async def test_a_cancelled_tail_leaves_no_connection_behind(server: Server, redis_client: redis.Redis) -> None:
    async def follow() -> None:
        async with aclosing(server.link.follow(lambda: TailRead(((b"quiet", MIN),), 60_000, 1), 60_000)) as batches:
            await anext(batches)

    following = asyncio.create_task(follow())
    await blocked(redis_client, 1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await blocked(redis_client, 0)


async def blocked(client: redis.Redis, count: int) -> None:
    """Wait until so many clients wait in a blocking read."""
    async with asyncio.timeout(2):
        while client.info("clients")["blocked_clients"] != count:  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.01)


# the writer -----------------------------------------------------------------------------------------------------------


def test_hands_give_the_raw_reply(server: Server) -> None:
    assert server.writer.call("XADD", KEY, "5-0", b"n", b"\xff") == b"5-0"
    refused, done = server.writer.each([("XADD", KEY, "1-0", "n", "1"), ("XADD", KEY, "6-0", "n", "1")])
    assert isinstance(refused, ServerRefused)
    assert (refused.code, done) == ("ID_PASSED", b"6-0")


def test_hands_raise_what_was_refused(server: Server, redis_client: redis.Redis) -> None:
    group(redis_client, read=0)
    with pytest.raises(ServerRefused) as refusal:
        server.writer.call("XGROUP", "CREATE", KEY, GROUP, "$")
    assert refusal.value.code == "BUSYGROUP"
    with pytest.raises(Gone):
        server.writer.call("XCLAIM", KEY, b"nobody", WORKER, 0, "1-0")
    with pytest.raises(Gone, match=r"The stream does not exist\."):
        server.writer.call("XGROUP", "SETID", b"missing", GROUP, "$")


def test_hands_that_reach_nobody_say_that_nothing_was_sent() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        Writer(NOBODY).call("XACK", KEY, GROUP, "1-0")


@pytest.mark.parametrize("reply", [None, b"", b":1"], ids=["hangs up", "is silent", "breaks off"])
def test_a_lost_reply_is_an_unknown_outcome_and_nothing_is_sent_twice(
    reply: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links.deadlines, "WRITE_TIMEOUT", 0.2)
    with impostor(lambda command: reply) as doubtful:
        with pytest.raises(OutcomeUnknown, match="may or may not have run"):
            Writer(doubtful.url).call("XACK", KEY, GROUP, "1-0")
        time.sleep(0.1)
        assert doubtful.heard == [[b"XACK", KEY, GROUP, b"1-0"]]


def test_a_late_reply_is_not_taken_for_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links.deadlines, "WRITE_TIMEOUT", 0.2)

    def answer(command: list[bytes]) -> bytes:
        if command[1] == b"slow":
            time.sleep(0.3)
        return b"+%s\r\n" % command[1]

    with impostor(answer) as late:
        writer = Writer(late.url)
        with pytest.raises(OutcomeUnknown):
            writer.call("ECHO", b"slow")
        time.sleep(0.2)
        assert writer.call("ECHO", b"fast") == b"fast"


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), "OOM", "out of memory"),
        (("REPLICAOF", "127.0.0.1", "1"), "READONLY", "read-only replica"),
        (("CONFIG", "SET", "min-replicas-to-write", "3"), "NOREPLICAS", "too few replicas"),
    ],
    ids=["memory", "replica", "replicas"],
)
def test_a_server_that_takes_no_writes_says_why(
    server: Server, redis_client: redis.Redis, setting: tuple[str, ...], code: str, words: str
) -> None:
    redis_client.execute_command(*setting)
    try:
        with pytest.raises(ServerRefused, match=words) as refusal:
            server.writer.call("XADD", KEY, "*", "n", "1")
        assert refusal.value.code == code
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")
        redis_client.config_set("maxmemory", 0)
        redis_client.config_set("min-replicas-to-write", 0)


def test_a_replica_that_serves_no_old_data_is_unreachable(server: Server, redis_client: redis.Redis) -> None:
    redis_client.config_set("replica-serve-stale-data", "no")
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(Unreachable, match="lost its primary"):
            server.run(EntryRange(KEY))
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")
        redis_client.config_set("replica-serve-stale-data", "yes")


# words and names -----------------------------------------------------------------------------------------------------


ENDED = f"Error running script (call to f_{'0a' * 20}): @user_script:25: "


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (redis.ResponseError("WRONGTYPE Operation against a key"), NotAStream, None),
        (redis.ResponseError("@user_script: 3: -OOM command not allowed when used"), ServerRefused, "OOM"),
        (redis.ResponseError(f"{ENDED}@user_script: 25: -READONLY You can't write"), ServerRefused, "READONLY"),
        (redis.ResponseError(f"{ENDED}WRONGTYPE Operation against a key"), NotAStream, None),
        (redis.ResponseError(f"{ENDED}The user executing the script can't run this command"), NotAllowed, None),
        (redis.ResponseError("@user_script: 5: The user executing the script can't run this"), NotAllowed, None),
        (redis.ResponseError("NOGROUP No such key 'x'"), Gone, None),
        (redis.ResponseError("ERR no such key"), Gone, None),
        (redis.ResponseError("BUSY Redis is busy running a script"), Unreachable, None),
        (redis.ResponseError("MISCONF Redis is configured to save"), ServerRefused, "MISCONF"),
        (redis.ResponseError("wrong number of arguments"), ServerRefused, "ERR"),
        (redis.ResponseError(""), ServerRefused, "ERR"),
        (redis.exceptions.NoPermissionError("x"), NotAllowed, None),
        (redis.TimeoutError(), Unreachable, None),
        (ConnectionResetError("Connection reset by peer"), Unreachable, None),
        (Gone("It is gone."), Gone, None),
    ],
)
def test_errors_are_told_in_our_words(error: Exception, kind: type[StreamError], code: str | None) -> None:
    told = translate(error)
    assert type(told) is kind
    assert getattr(told, "code", None) == code
    assert told.message.endswith(".") or code == "ERR"


def test_a_servers_own_words_are_short_and_printable() -> None:
    told = translate(redis.ResponseError("ERR \x1b[31m\u202e" + "x" * 5000)).message
    assert told.isprintable()
    assert len(told) < 300


def test_servers_are_found_by_name_in_their_order(server: Server) -> None:
    links.configure([ServerConfig(name, server.config.url) for name in ("b", "a")])
    assert [found.name for found in links.all()] == ["b", "a"]
    assert links.get("a").name == "a"
    with pytest.raises(UnknownServer, match="“nobody”"):
        links.get("nobody")


def test_only_the_configured_keys_are_looked_at() -> None:
    config = ServerConfig("s", "redis://", keys=("orders:*", "us[ae]r"))
    assert [config.looks_at(key) for key in (b"orders:eu\xff", b"orders", b"user", b"uses", b"")] == [
        *(True, False, True, False, False)
    ]
    assert ServerConfig("s", "redis://").looks_at(b"\xff")
