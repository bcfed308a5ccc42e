"""Streams, groups and entries as a real server gives them: byte for byte, bounded, and unchanged by looking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dashboard.streams.errors import Gone, NotAStream
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.queries import (
    DETAIL_MAX,
    GROUPS_MAX,
    LOOK_MAX,
    PAGE_MAX,
    EntryQuery,
    EntryRange,
    GroupQuery,
    MemoryQuery,
    PendingQuery,
    Query,
    ScanStreams,
    StreamQuery,
    TailRead,
    Together,
    fitting,
    streams,
)
from dashboard.streams.queries.sampling import SampleStreams
from dashboard.streams.queries.steps import PAGE_BYTES
from dashboard.streams.snapshots import Entry, EntryWhereabouts, StreamOverview
from tests.dashboard.streams.seeding import GROUP, KEY, OTHER, WORKER, fill, group


def sid(ms: int) -> StreamId:
    return StreamId(ms, 0)


def overview(server: Server, key: bytes = KEY, *, memory: bool = False) -> StreamOverview:
    return server.run(StreamQuery(key, server.capabilities(), memory=memory))


def whereabouts(server: Server, id_: StreamId, key: bytes = KEY) -> EntryWhereabouts:
    return server.run(EntryQuery(key, id_, server.capabilities()))


# a stream ------------------------------------------------------------------------------------------------------------


def test_a_stream_and_its_groups(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    group(redis_client, read=4)
    redis_client.xdel(KEY, "2-0")
    found = overview(server)
    facts = found.facts
    assert (facts.key, facts.length, facts.groups) == (KEY, 9, 1)
    assert (facts.first_id, facts.last_id, facts.last_generated_id) == (sid(1), sid(10), sid(10))
    counts = server.capabilities().info.version >= (7,)
    assert (facts.entries_added, facts.max_deleted_id) == ((10, sid(2)) if counts else (None, None))
    (only,) = found.groups
    assert (only.name, only.consumers, only.pending, only.last_delivered_id) == (GROUP, 1, 4, sid(4))
    assert only.oldest is not None
    assert (only.oldest.id, only.oldest.consumer, only.oldest.deliveries) == (sid(1), WORKER, 1)
    assert abs(found.now_ms - time.time() * 1000) < 5000


def test_an_empty_stream_remembers_its_last_id(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    redis_client.xtrim(KEY, maxlen=0, approximate=False)
    facts = overview(server).facts
    assert (facts.length, facts.first_id, facts.last_id, facts.last_generated_id) == (0, None, None, sid(3))
    assert facts.entry_bytes == 0


def test_a_group_that_holds_nothing_has_no_oldest(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=0)
    assert [g.oldest for g in overview(server).groups] == [None]


def test_more_groups_than_are_looked_into_are_counted(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    for number in range(DETAIL_MAX + 3):
        group(redis_client, read=1, name=b"g%03d" % number)
    found = overview(server)
    assert (len(found.groups), found.groups_cut, found.facts.groups) == (DETAIL_MAX + 3, 0, DETAIL_MAX + 3)
    assert (sum(g.oldest is not None for g in found.groups), found.unread, found.left_out) == (DETAIL_MAX, 3, "")
    rest = server.run(StreamQuery(KEY, server.capabilities(), skip=DETAIL_MAX))
    assert [g.name for g in rest.groups if g.oldest] == [b"g500", b"g501", b"g502"]
    assert len(whereabouts(server, sid(1)).deliveries) == DETAIL_MAX


def test_groups_beyond_all_bounds_are_said_to_be_left_out(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "GROUPS_MAX", 2)
    fill(redis_client, 1)
    for number in range(3):
        group(redis_client, read=1, name=b"g%03d" % number)
    found = overview(server)
    assert (len(found.groups), found.groups_cut) == (2, 1)
    assert found.left_out == "Only the first 2 of 3 groups were checked."
    assert GROUPS_MAX == 10_000


def test_memory_is_told_when_it_is_asked_for(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 100, size=100)
    assert overview(server).facts.memory.value is None
    told = overview(server, memory=True).facts.memory
    assert told.approximate
    assert told.value is not None
    assert told.value > 5_000


def test_memory_of_several_streams(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 100, size=100)
    told = server.run(MemoryQuery((KEY, b"missing"), server.capabilities()))
    assert (told[KEY].value or 0) > 5_000
    assert (told[b"missing"].value, told[b"missing"].reason) == (None, "The server did not report it.")


def test_scanning_meets_every_stream_and_nothing_else(server: Server, redis_client: redis.Redis) -> None:
    streams = {b"s:%d\xff" % number for number in range(50)}
    for key in streams:
        fill(redis_client, 1, key=key)
    redis_client.set("s:text", "x")
    redis_client.lpush("s:list", "x")
    assert scanned(server) == streams
    assert scanned(server, match=b"s:1*") == {key for key in streams if key.startswith(b"s:1")}


def scanned(server: Server, match: bytes | None = None) -> set[bytes]:
    met: set[bytes] = set()
    cursor = -1
    while cursor != 0:
        cursor, keys = server.run(ScanStreams(max(cursor, 0), count=10, match=match))
        met.update(keys)
    return met


# a group -------------------------------------------------------------------------------------------------------------


def test_a_group_with_its_consumers(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    group(redis_client, read=2)
    redis_client.xreadgroup(GROUP, OTHER, {KEY: ">"}, count=3)
    redis_client.xgroup_createconsumer(KEY, GROUP, b"idle")
    found = server.run(GroupQuery(KEY, GROUP, server.capabilities()))
    assert [(c.name, c.pending) for c in found.consumers] == [(OTHER, 3), (WORKER, 2), (b"idle", 0)]
    assert all(0 <= c.idle_ms < 5000 for c in found.consumers)
    assert (found.pending.count, found.pending.min_id, found.pending.max_id) == (5, sid(1), sid(5))
    assert dict(found.pending.consumers) == {WORKER: 2, OTHER: 3}
    assert (found.group.pending, found.group.last_delivered_id) == (5, sid(5))
    assert found.group.oldest is not None
    assert found.group.oldest.id == sid(1)


def test_what_a_server_does_not_say_is_not_made_up(server: Server, redis_client: redis.Redis) -> None:
    """`inactive` exists from 7.2 on; a consumer that only looked has never got anything."""
    fill(redis_client, 1)
    group(redis_client, read=1)
    redis_client.xreadgroup(GROUP, b"late", {KEY: ">"})
    found = {c.name: c.inactive_ms for c in server.run(GroupQuery(KEY, GROUP, server.capabilities())).consumers}
    if server.capabilities().info.version >= (7, 2):
        assert found[b"late"] == -1
        assert found[WORKER] is not None
        assert found[WORKER] >= 0
    else:
        assert set(found.values()) == {None}


def test_a_group_of_an_empty_stream_holds_nothing(server: Server, redis_client: redis.Redis) -> None:
    group(redis_client, read=0)
    found = server.run(GroupQuery(KEY, GROUP, server.capabilities()))
    assert (found.consumers, found.pending.count, found.pending.consumers) == ((), 0, ())
    assert (found.pending.min_id, found.pending.max_id, found.group.oldest) == (None, None, None)


# entries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        ((b"a", b"1"), (b"a", b"2"), (b"b", b""), (b"a", b"1")),
        ((b"", b""), (b"", b"x")),
        ((b"\xff\x00\r\n", b"\x80" * 300), (b"*3\r\n$1", b"-ERR no")),
        (("ключ".encode(), "значение".encode()),),
        tuple((b"f%d" % n, b"v" * n) for n in range(300)),
    ],
    ids=["repeated", "empty", "binary", "unicode", "many"],
)
def test_fields_keep_their_order_bytes_and_repeats(
    server: Server, redis_client: redis.Redis, fields: tuple[tuple[bytes, bytes], ...]
) -> None:
    redis_client.execute_command("XADD", KEY, "5-5", *(part for pair in fields for part in pair))
    (entry,) = server.run(EntryRange(KEY)).items
    assert entry == Entry(StreamId(5, 5), fields)
    assert entry.size == sum(len(n) + len(v) for n, v in fields)
    assert whereabouts(server, StreamId(5, 5)).entry == entry


@pytest.fixture(scope="module")
def both(redis_url: str) -> Iterator[tuple[Server, redis.Redis]]:
    """The product's client and a plain one, kept for all examples of the test below."""
    server, client = Server(ServerConfig("names", redis_url)), redis.Redis.from_url(redis_url, protocol=2)
    yield server, client
    server.close()
    client.close()


@settings(max_examples=60, deadline=None)
@given(key=st.binary(), name=st.binary(), consumer=st.binary(), field=st.binary(), value=st.binary())
@example(key=b"", name=b"", consumer=b"", field=b"", value=b"")
def test_any_names_are_read_as_they_are(
    key: bytes, name: bytes, consumer: bytes, field: bytes, value: bytes, both: tuple[Server, redis.Redis]
) -> None:
    server, client = both
    client.flushall()
    client.xadd(key, {field: value}, id="1-0")
    group(client, read=1, key=key, name=name, consumer=consumer)
    assert [g.name for g in overview(server, key).groups] == [name]
    found = server.run(GroupQuery(key, name, server.capabilities()))
    assert [c.name for c in found.consumers] == [consumer]
    (pending,) = server.run(PendingQuery(key, name, consumer=consumer)).items
    assert (pending.consumer, pending.fields, pending.body) == (consumer, ((field, value),), "present")
    assert scanned(server) == {key}


def paged(server: Server, **asked: Any) -> list[list[int]]:
    """All pages from one end to the other, as the numbers of their entries."""
    pages = []
    onward = "end" if asked.get("newest_first") else "start"
    while True:
        page = server.run(EntryRange(KEY, **asked))
        pages.append([entry.id.ms for entry in page.items])
        if page.complete:
            return pages
        asked[onward] = page.next


def test_pages_follow_each_other_both_ways(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 7)
    assert paged(server, limit=3) == [[1, 2, 3], [4, 5, 6], [7]]
    assert paged(server, limit=3, newest_first=True) == [[7, 6, 5], [4, 3, 2], [1]]
    assert paged(server, limit=7) == [[1, 2, 3, 4, 5, 6, 7]]
    assert paged(server, limit=1, start=sid(3), end=sid(5)) == [[3], [4], [5]]
    assert paged(server, limit=1, start=sid(3), end=sid(5), newest_first=True) == [[5], [4], [3]]


def test_pages_follow_each_other_within_one_millisecond(server: Server, redis_client: redis.Redis) -> None:
    for number in range(5):
        redis_client.xadd(KEY, {"n": number}, id=f"7-{number}")
    first = server.run(EntryRange(KEY, limit=2))
    assert first.next is not None
    second = server.run(EntryRange(KEY, limit=2, start=first.next))
    assert [e.id.seq for e in (*first.items, *second.items)] == [0, 1, 2, 3]


def test_ids_reach_up_to_the_last_one(server: Server, redis_client: redis.Redis) -> None:
    for id_ in (StreamId(0, 1), MAX):
        redis_client.xadd(KEY, {"n": 1}, id=str(id_))
    assert [e.id for e in server.run(EntryRange(KEY, newest_first=True)).items] == [MAX, StreamId(0, 1)]
    assert (whereabouts(server, MAX).older, whereabouts(server, MAX).newer) == (StreamId(0, 1), None)
    assert (whereabouts(server, StreamId(0, 1)).older, whereabouts(server, StreamId(0, 1)).newer) == (None, MAX)


def test_a_page_is_never_larger_than_the_bound(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, PAGE_MAX + 10)
    page = server.run(EntryRange(KEY, limit=10**6))
    assert (len(page.items), page.next) == (PAGE_MAX, sid(PAGE_MAX).next())


def test_a_filter_finds_what_matches_on_pages_of_its_own(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 30)
    assert paged(server, limit=4, keep=by_ten) == [[10, 20, 30]]
    assert paged(server, limit=2, keep=by_ten) == [[10, 20], [30]]
    assert paged(server, limit=2, keep=by_ten, newest_first=True) == [[30, 20], [10]]


def by_ten(entry: Entry) -> bool:
    return entry.id.ms % 10 == 0


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_filter_stops_and_says_so(server: Server, redis_client: redis.Redis, newest_first: bool) -> None:
    fill(redis_client, LOOK_MAX + 500)
    page = server.run(EntryRange(KEY, keep=lambda entry: False, newest_first=newest_first))
    assert (page.items, page.scanned) == ((), LOOK_MAX)
    assert page.next == (sid(501).prev() if newest_first else sid(LOOK_MAX).next())
    assert page.stopped == "Scanned 2,000 entries from here, 0 match."


def test_a_range_of_a_missing_key_is_empty(server: Server) -> None:
    page = server.run(EntryRange(b"missing"))
    assert (page.items, page.complete, page.stopped) == ((), True, "")


@pytest.mark.parametrize(("weight", "count"), [(0, 50), (100, 50), (PAGE_BYTES // 10, 10), (PAGE_BYTES * 9, 1)])
def test_heavy_entries_come_on_small_pages(weight: int, count: int) -> None:
    assert fitting(50, weight) == count


# one entry -----------------------------------------------------------------------------------------------------------


def test_an_entry_and_where_it_is_in_every_group(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=3)
    group(redis_client, read=3, name=b"done")
    redis_client.xack(KEY, b"done", "2-0")
    group(redis_client, read=0, name=b"new")
    found = whereabouts(server, sid(2))
    assert found.entry == Entry(sid(2), ((b"n", b"2"),))
    assert (found.older, found.newer, found.stream.length) == (sid(1), sid(3), 5)
    assert {d.group: d.state for d in found.deliveries} == {GROUP: "pending", b"done": "settled", b"new": "undelivered"}
    pending = next(d.pending for d in found.deliveries if d.group == GROUP)
    assert pending is not None
    assert (pending.consumer, pending.deliveries) == (WORKER, 1)


def test_a_deleted_entry_is_found_while_a_group_has_it_pending(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 5)
    group(redis_client, read=3)
    redis_client.xdel(KEY, "2-0")
    ghost = whereabouts(server, sid(2))
    assert (ghost.entry, ghost.older, ghost.newer) == (None, sid(1), sid(3))
    assert [d.state for d in ghost.deliveries] == ["pending"]


@pytest.mark.parametrize("id_", [sid(4), sid(99), MIN, MAX])
def test_an_entry_that_nobody_has_is_gone(server: Server, redis_client: redis.Redis, id_: StreamId) -> None:
    fill(redis_client, 5)
    group(redis_client, read=3)
    redis_client.xdel(KEY, "4-0")
    with pytest.raises(Gone, match=str(id_)):
        whereabouts(server, id_)


def test_an_entry_of_a_stream_without_groups(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    found = whereabouts(server, sid(1))
    assert (found.deliveries, found.older, found.newer) == ((), None, None)
    with pytest.raises(Gone):
        whereabouts(server, sid(2))


# what is not there ---------------------------------------------------------------------------------------------------

ABOUT_ONE: dict[str, Callable[[bytes, Server], Query[Any]]] = {
    "stream": lambda key, server: StreamQuery(key, server.capabilities()),
    "group": lambda key, server: GroupQuery(key, GROUP, server.capabilities()),
    "pending": lambda key, server: PendingQuery(key, GROUP),
    "entry": lambda key, server: EntryQuery(key, sid(1), server.capabilities()),
}


@pytest.mark.parametrize("kind", ABOUT_ONE)
def test_a_missing_key_is_gone(server: Server, kind: str) -> None:
    with pytest.raises(Gone) as gone:
        server.run(ABOUT_ONE[kind](b"missing", server))
    assert gone.value.message.startswith("The stream ")


@pytest.mark.parametrize("kind", [*ABOUT_ONE, "range"])
def test_another_type_is_no_stream(server: Server, redis_client: redis.Redis, kind: str) -> None:
    redis_client.hset("hash", "a", "b")
    query = EntryRange(b"hash") if kind == "range" else ABOUT_ONE[kind](b"hash", server)
    with pytest.raises(NotAStream):
        server.run(query)


def test_a_missing_group_is_gone(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    with pytest.raises(Gone, match="group does not exist"):
        server.run(GroupQuery(KEY, b"nobody", server.capabilities()))
    with pytest.raises(Gone, match="group does not exist"):
        server.run(PendingQuery(KEY, b"nobody"))


def test_together_one_that_fails_does_not_hide_the_others(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    redis_client.set("text", "x")
    can = server.capabilities()
    asked = (StreamQuery(KEY, can), StreamQuery(b"missing", can), StreamQuery(b"text", can), EntryRange(KEY))
    first, gone, other, last = server.run(Together(asked))
    assert (first.facts.length, len(last.items)) == (2, 2)
    assert (type(gone), type(other)) == (Gone, NotAStream)


# looking changes nothing ---------------------------------------------------------------------------------------------


def every_query(server: Server) -> list[Query[Any]]:
    can = server.capabilities()
    return [
        ScanStreams(),
        StreamQuery(KEY, can, memory=True),
        MemoryQuery((KEY,), can),
        GroupQuery(KEY, GROUP, can),
        PendingQuery(KEY, GROUP, min_idle_ms=1),
        PendingQuery(KEY, GROUP, consumer=WORKER),
        EntryRange(KEY),
        EntryRange(KEY, newest_first=True, keep=by_ten),
        EntryQuery(KEY, sid(2), can),
        TailRead(((KEY, MIN),), block_ms=1, count=10),
        Together((EntryRange(KEY),)),
        SampleStreams((KEY,), can),
    ]


def test_no_query_writes(server: Server, redis_client: redis.Redis) -> None:
    """The server itself says which commands may write; and the stream, with its groups, is the same afterwards."""
    fill(redis_client, 5)
    group(redis_client, read=3)
    before = redis_client.dump(KEY)
    redis_client.config_resetstat()
    for query in every_query(server):
        server.run(query)
    used = {name.removeprefix("cmdstat_").split("|")[0] for name in redis_client.info("commandstats")}
    assert used > {"xinfo", "xpending", "xrange", "xrevrange", "xread", "scan", "memory", "time"}
    writing = {name for name, command in redis_client.command().items() if "write" in map(_text, command["flags"])}
    assert writing > {"xadd", "xreadgroup", "xack", "xautoclaim"}
    assert used & writing == set()
    assert redis_client.dump(KEY) == before


def _text(flag: bytes | str) -> str:
    return flag.decode() if isinstance(flag, bytes) else flag


def test_every_query_is_bounded(server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(redis_client, 5)
    group(redis_client, read=3)
    sent: list[tuple[object, ...]] = []
    ask = server.link.exchange
    server.capabilities()
    monkeypatch.setattr(server.link, "exchange", lambda commands: sent.extend(commands) or ask(commands))
    for query in every_query(server):
        server.run(query)
    assert {str(command[0]) for command in sent} >= {"XRANGE", "XREVRANGE", "XPENDING", "XREAD", "SCAN"}
    assert [command for command in sent if not bounded(command)] == []


def bounded(command: tuple[object, ...]) -> bool:
    name = command[0]
    if name in ("XRANGE", "XREVRANGE", "XREAD", "SCAN"):
        return "COUNT" in command and int(str(command[command.index("COUNT") + 1])) <= LOOK_MAX
    if name == "XPENDING":
        return len(command) == 3 or int(str(command[5])) <= LOOK_MAX
    return (name, *command[1:2]) in {("XINFO", w) for w in ("STREAM", "GROUPS", "CONSUMERS")} | {
        ("TIME",),
        ("MEMORY", "USAGE"),
    }
