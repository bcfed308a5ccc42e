"""The honest lag: facts before figures, and no figure where the server lost count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.lag import LOST_COUNT, NOT_COUNTED, lag
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.queries import StreamQuery
from dashboard.streams.snapshots import Figure, StreamFacts

KEY = b"orders"


def stream(length: int = 10, first: int = 1, *, added: int | None = None) -> StreamFacts:
    """Entries `first`-0, (`first`+1)-0, ... `length` of them."""
    last = StreamId(first + length - 1, 0)
    return StreamFacts(
        key=KEY,
        length=length,
        first_id=StreamId(first, 0) if length else None,
        last_id=last if length else None,
        last_generated_id=last,
        entries_added=length if added is None else added,
        max_deleted_id=None,
        groups=1,
        entry_bytes=10,
    )


def old_stream() -> StreamFacts:
    """As Redis 6.2 describes it: no counters at all."""
    known = stream()
    return StreamFacts(KEY, 10, known.first_id, known.last_id, known.last_generated_id, None, None, 1, 10)


@pytest.mark.parametrize("reported", [None, 0, 7, 999])
@pytest.mark.parametrize(
    ("facts", "position", "value"),
    [
        (stream(0), MIN, 0),
        (stream(0), StreamId(5, 0), 0),
        (stream(), StreamId(10, 0), 0),
        (stream(), StreamId(99, 0), 0),
        (stream(), MAX, 0),
        (stream(), MIN, 10),
        (stream(10, 21, added=30), StreamId(5, 0), 10),
        (stream(10, 21, added=30), StreamId(20, 7), 10),
    ],
    ids=["empty", "emptied", "at the end", "beyond", "at the top", "at the start", "trimmed past", "just before"],
)
def test_at_the_ends_what_is_known_beats_what_is_reported(
    facts: StreamFacts, position: StreamId, value: int, reported: int | None
) -> None:
    assert lag(facts, position, {b"lag": reported}, overcounts=True) == Figure(value)


def test_in_the_middle_the_server_counts() -> None:
    assert lag(stream(), StreamId(4, 0), {b"lag": 6}, overcounts=False) == Figure(6)
    assert lag(stream(), StreamId(4, 0), {b"lag": 6}, overcounts=True) == Figure(6)


def test_a_server_that_lost_count_gives_no_figure() -> None:
    assert lag(stream(), StreamId(4, 0), {b"lag": None}, overcounts=False) == Figure(None, LOST_COUNT)


def test_a_server_that_does_not_count_gives_no_figure() -> None:
    assert lag(old_stream(), StreamId(4, 0), {}, overcounts=False) == Figure(None, NOT_COUNTED)
    assert lag(old_stream(), MIN, {}, overcounts=False) == Figure(10)
    assert lag(old_stream(), StreamId(10, 0), {}, overcounts=False) == Figure(0)


def test_where_trimmed_entries_are_counted_the_figure_is_an_estimate() -> None:
    trimmed = stream(10, 21, added=30)
    assert lag(trimmed, StreamId(24, 0), {b"lag": 16}, overcounts=True) == Figure(10, approximate=True)
    assert lag(trimmed, StreamId(24, 0), {b"lag": 6}, overcounts=False) == Figure(6)


@given(st.integers(0, 30), st.integers(0, 40), st.none() | st.integers(-5, 2**63), st.booleans())
def test_a_known_lag_is_possible(length: int, position: int, reported: int | None, overcounts: bool) -> None:
    """Never more than there is, never below nothing, and not nothing while something is left."""
    facts = stream(length, 5)
    found = lag(facts, StreamId(position, 0), {b"lag": reported}, overcounts=overcounts).value
    left = facts.last_id is not None and StreamId(position, 0) < facts.last_id
    assert found is None or (0 <= found <= length and bool(found) == left)


# on a real server ----------------------------------------------------------------------------------------------------


def lag_of(server: Server, group: bytes = b"g") -> Figure:
    overview = server.run(StreamQuery(KEY, server.capabilities()))
    return next(g.lag for g in overview.groups if g.name == group)


def fill(client: redis.Redis, count: int) -> None:
    for number in range(1, count + 1):
        client.xadd(KEY, {"n": number}, id=f"{number}-0")


def counts(server: Server) -> bool:
    """Whether this server counts lag at all (from 7.0 on)."""
    return server.capabilities().info.version >= (7,)


def test_a_new_group_lags_by_everything_or_by_nothing(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    redis_client.xgroup_create(KEY, "g", id="0")
    redis_client.xgroup_create(KEY, "late", id="$")
    assert lag_of(server) == Figure(10)
    assert lag_of(server, b"late") == Figure(0)


def test_reading_shrinks_the_lag_to_nothing(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    redis_client.xgroup_create(KEY, "g", id="0")
    redis_client.xreadgroup("g", "c", {KEY: ">"}, count=4)
    assert lag_of(server).value == (6 if counts(server) else None)
    redis_client.xreadgroup("g", "c", {KEY: ">"})
    assert lag_of(server) == Figure(0)


def test_a_position_set_in_mid_stream_is_unknown_and_says_why(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    redis_client.xgroup_create(KEY, "g", id="5-0")
    found = lag_of(server)
    assert found.value is None
    assert found.reason == (LOST_COUNT if counts(server) else NOT_COUNTED)


def test_what_was_trimmed_unread_is_not_waiting(server: Server, redis_client: redis.Redis) -> None:
    """Redis before 7.4.5 goes on counting what was trimmed; nobody can ever read it."""
    fill(redis_client, 10)
    redis_client.xgroup_create(KEY, "g", id="0")
    redis_client.xreadgroup("g", "c", {KEY: ">"}, count=2)
    redis_client.xtrim(KEY, minid="8-0", approximate=False)
    assert lag_of(server) == Figure(3)


def test_a_stream_without_entries_leaves_nothing_to_read(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    redis_client.xgroup_create(KEY, "g", id="0")
    redis_client.xtrim(KEY, maxlen=0, approximate=False)
    assert lag_of(server) == Figure(0)


@pytest.fixture(scope="module")
def both(redis_url: str) -> Iterator[tuple[Server, redis.Redis]]:
    """The product's client and a plain one, kept for all the stories of the test below."""
    server, client = Server(ServerConfig("lag", redis_url)), redis.Redis.from_url(redis_url, protocol=2)
    yield server, client
    server.close()
    client.close()


ADD, READ, DELETE, TRIM = "add", "read", "delete", "trim"
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(ADD), st.integers(1, 5)),
        st.tuples(st.just(READ), st.integers(1, 5)),
        st.tuples(st.just(DELETE), st.integers(1, 20)),
        st.tuples(st.just(TRIM), st.integers(0, 10)),
    ),
    max_size=12,
)


def play(client: redis.Redis, steps: list[tuple[str, int]]) -> None:
    """A stream of five entries that a group begins to read, and what happens to both."""
    client.flushall()
    fill(client, 5)
    client.xgroup_create(KEY, "g", id="0")
    for at, (step, number) in enumerate(steps):
        if step == ADD:
            for entry in range(number):
                client.xadd(KEY, {"n": 1}, id=f"{6 + at}-{entry}")
        elif step == READ:
            client.xreadgroup("g", "c", {KEY: ">"}, count=number)
        elif step == DELETE:
            client.xdel(KEY, f"{number}-0")
        else:
            client.xtrim(KEY, maxlen=number, approximate=False)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_the_lag_is_what_a_reader_would_still_get(
    steps: list[tuple[str, int]], both: tuple[Server, redis.Redis]
) -> None:
    """Exactly so, unless it is unknown; an estimate is never too small."""
    server, client = both
    play(client, steps)
    found = lag_of(server)
    waiting = client.xreadgroup("g", "c", {KEY: ">"})
    truth = len(waiting[0][1]) if waiting else 0
    assert found.value in (None, truth) or (found.approximate and found.value > truth)
