"""The ACL lines of docs/acl.md on a real server: every read works with the reader's user, and nothing else does."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

import dashboard.streams
from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.errors import NotAllowed
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import ConnectionId, Server, ServerConfig
from dashboard.streams.queries import (
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
from dashboard.streams.queries.probe import ProbeQuery
from dashboard.streams.queries.sampling import SampleStreams, StreamSample
from dashboard.streams.queries.server import ServedQuery, ServerQuery
from dashboard.streams.queries.watching import GroupFigures, ObserveStreams

LINES = re.findall(r"^ACL SETUSER .+$", (Path(__file__).parent.parent / "docs" / "acl.md").read_text(), re.MULTILINE)
READER, WRITER, LATER = (shlex.split(line) for line in LINES)
KEY, GROUP = b"orders", b"billing"
ENTRY = StreamId(2, 0)


def as_user(url: str, line: list[str], db: int = 0) -> str:
    """The server's URL with the user and the password of an ACL line."""
    parts = urlsplit(url)
    password = next(word[1:] for word in line if word.startswith(">"))
    login = f"{line[2]}:{password}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, login, parts.path, f"db={db}", ""))


@pytest.fixture
def stream(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """A plain client, the users of the documentation, and a stream with a pending entry, a ghost and one unread."""
    for line in (READER, WRITER):
        redis_client.execute_command(*line)
    redis_client.execute_command("ACL", "LOG", "RESET")
    for number in (1, 2, 3, 4):
        redis_client.xadd(KEY, {b"n": str(number)}, id=f"{number}-0")
    redis_client.xgroup_create(KEY, GROUP, "0")
    redis_client.xreadgroup(GROUP, b"anna", {KEY: ">"}, count=3)
    redis_client.xdel(KEY, "3-0")
    yield redis_client
    redis_client.execute_command("ACL", "DELUSER", READER[2], WRITER[2])


@pytest.fixture
def reader(stream: redis.Redis, redis_url: str) -> Iterator[Server]:
    """The product, which has nothing but the reader's user."""
    links.configure([ServerConfig("default", as_user(redis_url, READER))])
    yield links.get("default")
    links.configure([])


@pytest.fixture
def writer(stream: redis.Redis, redis_url: str) -> Iterator[redis.Redis]:
    """A client with the writer's user; replies as the server gives them."""
    with redis.Redis.from_url(as_user(redis_url, WRITER), protocol=2) as client:
        client.response_callbacks.clear()
        yield client


def refused(client: redis.Redis) -> list[str]:
    """Which commands the ACL refused since the log was reset."""
    return [line["object"] for line in client.acl_log()]


def reads(server: Server) -> list[Query[object]]:
    """One of every read; each follow-up is asked for by its first."""
    can = server.capabilities()
    return [
        ProbeQuery(),
        ServerQuery(),
        ServedQuery(),
        ScanStreams(),
        StreamQuery(KEY, can, memory=True),
        FactsQuery(KEY),
        IdentityQuery(KEY),
        MemoryQuery((KEY,), can),
        GroupQuery(KEY, GROUP, can),
        PendingQuery(KEY, GROUP),
        EntryRange(KEY),
        EntryRange(KEY, newest_first=True),
        EntryQuery(KEY, ENTRY, can),
        SampleStreams((KEY,), can),
        Together((FactsQuery(KEY), EntryRange(KEY))),
        ObserveStreams((KEY,)),
        GroupFigures((KEY,)),
        TailRead(((KEY, MIN),), block_ms=1, count=10),
    ]


def test_every_read_works_with_the_reader_user(reader: Server, stream: redis.Redis) -> None:
    for query in reads(reader):
        reader.run(query)
    assert refused(stream) == []


def test_rounds_of_the_sampler_work_with_the_reader_user(reader: Server, stream: redis.Redis) -> None:
    for _ in range(2):
        assert fleet().sample(reader).unread == ""
    assert stream.info("commandstats")["cmdstat_xlen"]["calls"] >= 2, "streams are compared before they are read"
    assert refused(stream) == []


def test_no_read_is_left_out_above(reader: Server) -> None:
    for module in pkgutil.walk_packages(dashboard.streams.__path__, "dashboard.streams."):
        importlib.import_module(module.name)
    ours = [kind for kind in Query.__subclasses__() if kind.__module__.startswith("dashboard.streams.")]
    made_of_others = {"Bodies", "Both", "GroupsDetail", "Known", "SecondLook"}
    first = {kind for kind in ours if not kind.__name__.startswith("_") and kind.__name__ not in made_of_others}
    assert {type(query) for query in reads(reader)} == first


def test_the_reads_say_what_is_there(reader: Server) -> None:
    can = reader.capabilities()
    overview = reader.run(StreamQuery(KEY, can, memory=True))
    assert overview.facts.memory.value
    assert overview.groups[0].oldest
    assert [entry.body for entry in reader.run(PendingQuery(KEY, GROUP)).items] == ["present", "present", "gone"]
    assert reader.run(EntryQuery(KEY, ENTRY, can)).deliveries[0].state == "pending"
    assert reader.run(ScanStreams()) == (0, (KEY,))
    sample = reader.run(SampleStreams((KEY,), can))[KEY]
    assert isinstance(sample, StreamSample)
    assert sample.groups[0].ghosts == 1


def test_capabilities_are_seen_not_guessed(reader: Server) -> None:
    can = reader.capabilities()
    assert can.info.version
    assert can.info.run_id
    assert can.has("eval")


async def test_the_live_tail_works_with_the_reader_user(reader: Server, stream: redis.Redis) -> None:
    read = TailRead(((KEY, StreamId(3, 0)),), block_ms=50, count=10)
    async with aclosing(reader.link.follow(lambda: read, block_ms=50)) as batches:
        news = await anext(batches)
    assert [entry.id for entry in news[KEY]] == [StreamId(4, 0)]
    assert await reader.arun(FactsQuery(KEY))
    await reader.aclose()
    assert refused(stream) == []


def test_another_database_can_be_chosen(stream: redis.Redis, redis_url: str) -> None:
    server = Server(ServerConfig("other", as_user(redis_url, READER, db=1)))
    assert server.run(ScanStreams()) == (0, ())
    server.close()


def test_the_product_says_who_it_is(reader: Server, stream: redis.Redis) -> None:
    reader.run(ScanStreams())
    assert (READER[2], "streamgauge") in {(client["user"], client["name"]) for client in stream.client_list()}


@pytest.mark.parametrize(
    "command",
    [
        ("XADD", KEY, "*", "n", "5"),
        ("XACK", KEY, GROUP, "1-0"),
        ("XCLAIM", KEY, GROUP, "bert", 0, "1-0"),
        ("XDEL", KEY, "1-0"),
        ("XTRIM", KEY, "MAXLEN", 0),
        ("XGROUP", "DESTROY", KEY, GROUP),
        ("XREADGROUP", "GROUP", GROUP, "bert", "STREAMS", KEY, ">"),
        ("DEL", KEY),
        ("SET", "a", "b"),
        ("GET", "a"),
        ("EVAL", "return 1", 0),
        ("KEYS", "*"),
        ("CONFIG", "GET", "*"),
        ("CLIENT", "LIST"),
        ("ACL", "LIST"),
        ("FLUSHALL",),
        ("SHUTDOWN", "NOSAVE"),
        ("PUBLISH", "a", "b"),
    ],
    ids=lambda command: command[0],
)
def test_the_reader_user_can_do_nothing_else(
    command: tuple[str | bytes | int, ...], stream: redis.Redis, redis_url: str
) -> None:
    client = redis.Redis.from_url(as_user(redis_url, READER), protocol=2)
    with client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)
    assert stream.xlen(KEY) == 3
    assert any(word.partition("|")[0] == command[0].lower() for word in refused(stream))


def test_with_the_reader_user_alone_an_action_is_refused_and_nothing_done(reader: Server, stream: redis.Redis) -> None:
    with pytest.raises(NotAllowed):
        reader.writer.call("XACK", KEY, GROUP, "1-0")
    assert stream.xpending(KEY, GROUP)["pending"] == 3


def test_the_writer_user_claims_acknowledges_and_trims(writer: redis.Redis) -> None:
    assert writer.execute_command("XCLAIM", KEY, GROUP, "bert", 0, "1-0", "JUSTID") == [b"1-0"]
    assert writer.execute_command("XACK", KEY, GROUP, "1-0") == 1
    guarded = "if #redis.call('XPENDING', KEYS[1], ARGV[1], '2-0', '2-0', 1) == 1 then "
    acked = writer.execute_command(
        "EVAL", f"{guarded} return redis.call('XACK', KEYS[1], ARGV[1], '2-0') end", 1, KEY, GROUP
    )
    assert acked == 1
    assert writer.execute_command("XTRIM", KEY, "MAXLEN", "=", 1) == 2


def test_the_writer_user_ends_its_own_lost_connections(
    stream: redis.Redis, writer: redis.Redis, redis_url: str
) -> None:
    lost = ConnectionId(stream.info("server")["run_id"], int(writer.execute_command("CLIENT", "ID")))
    server = Server(ServerConfig("default", as_user(redis_url, READER), admin_url=as_user(redis_url, WRITER)))
    stream.execute_command("ACL", "LOG", "RESET")  # the plain client's introduction
    server.writer.end(lost)
    server.close()
    assert lost.number not in {int(client["id"]) for client in stream.client_list()}
    assert refused(stream) == []


def test_the_writer_user_may_look_again_before_acting(stream: redis.Redis, redis_url: str) -> None:
    server = Server(ServerConfig("default", as_user(redis_url, WRITER)))
    can = server.capabilities()
    for query in (StreamQuery(KEY, can), GroupQuery(KEY, GROUP, can), PendingQuery(KEY, GROUP), EntryRange(KEY)):
        server.run(query)
    server.close()
    assert refused(stream) == []


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("KEYS", "*"),
        ("CONFIG", "SET", "maxmemory", "1"),
        ("DEL", KEY),
        ("XADD", KEY, "*", "n", "5"),
        ("XGROUP", "DESTROY", KEY, GROUP),
        ("XREADGROUP", "GROUP", GROUP, "bert", "STREAMS", KEY, ">"),
        ("XAUTOCLAIM", KEY, GROUP, "bert", "0", "0"),
        ("SCRIPT", "FLUSH"),
        ("SET", "a", "b"),
        ("CLIENT", "LIST"),
        ("CLIENT", "PAUSE", "1"),
    ],
    ids=lambda command: command[0],
)
def test_the_writer_user_can_do_nothing_else(command: tuple[str | bytes, ...], writer: redis.Redis) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        writer.execute_command(*command)


def test_a_script_opens_nothing(writer: redis.Redis, stream: redis.Redis) -> None:
    with pytest.raises(redis.exceptions.ResponseError):
        writer.execute_command("EVAL", "return redis.call('DEL', KEYS[1])", 1, KEY)
    assert stream.exists(KEY)


def test_what_later_actions_need_can_be_added(writer: redis.Redis, stream: redis.Redis) -> None:
    stream.execute_command(*LATER)
    assert writer.execute_command("XADD", KEY, "9-0", "n", "9") == b"9-0"
    assert writer.execute_command("XDEL", KEY, "9-0") == 1
    assert writer.execute_command("XGROUP", "DESTROY", KEY, GROUP) == 1
    assert writer.execute_command("UNLINK", KEY) == 1
    with pytest.raises(redis.exceptions.NoPermissionError):
        writer.execute_command("FLUSHALL")
