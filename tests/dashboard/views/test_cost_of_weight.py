"""What looking costs where entries are huge: whatever lies between small first and last ones, a read stays small.

The server itself counts what it sends. What a read may take is its budget and one step too many.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import pytest
import redis
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.ids import StreamId
from dashboard.streams.links import READ_TIMEOUT, Server
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.queries import LOOK_MAX, Command, EntryRange, PendingQuery
from dashboard.streams.queries import steps as steps_of_reads
from dashboard.streams.queries.steps import FIRST, PAGE_BYTES, STEP, step
from dashboard.streams.snapshots import Entry, Page, PendingEntry

T = TypeVar("T")
KEY, GROUP = b"s", b"g"
HUGE = 500_000
HUGE_ONES = 80
"""40 MB, of which a page may see a tenth."""
MOST = PAGE_BYTES + STEP * HUGE
AROUND = 100_000
"""What else is sent: facts of the stream and the group, rows of XPENDING, and the frame of each reply."""
ALL = [StreamId(n, 0) for n in range(1, HUGE_ONES + 3)]


@pytest.fixture
def innocent(redis_client: redis.Redis) -> redis.Redis:
    """A stream whose first and last entries are small, all of it pending."""
    add(redis_client, [1, *[HUGE] * HUGE_ONES, 1])
    hand_out(redis_client)
    return redis_client


def add(client: redis.Redis, sizes: list[int]) -> None:
    for n, size in enumerate(sizes, 1):
        client.xadd(KEY, {b"body": b"x" * size}, id=f"{n}-0")


def hand_out(client: redis.Redis) -> None:
    client.xgroup_create(KEY, GROUP, "0")
    while client.execute_command("XREADGROUP", "GROUP", GROUP, b"c", "COUNT", 5, "STREAMS", KEY, ">"):
        pass


def weighed(client: redis.Redis, read: Callable[..., T], *words: object) -> T:
    """What a read gives. The server must not send more for it than a page may take, by its own count."""
    before = client.info("stats")["total_net_output_bytes"]
    found = read(*words)
    assert client.info("stats")["total_net_output_bytes"] - before <= MOST + AROUND
    return found


Read = Callable[[Server, StreamId | None], Page[Entry] | Page[PendingEntry]]


def upwards(server: Server, at: StreamId | None) -> Page[Entry]:
    return server.run(EntryRange(KEY, start=at or ALL[0], limit=500))


def downwards(server: Server, at: StreamId | None) -> Page[Entry]:
    return server.run(EntryRange(KEY, end=at or ALL[-1], newest_first=True, limit=500))


def filtered(server: Server, at: StreamId | None) -> Page[Entry]:
    return server.run(EntryRange(KEY, start=at or ALL[0], keep=lambda entry: entry.size < 100))


def pending(server: Server, at: StreamId | None) -> Page[PendingEntry]:
    return server.run(PendingQuery(KEY, GROUP, start=at or ALL[0], limit=500))


@pytest.mark.parametrize("read", [upwards, downwards, filtered, pending])
def test_pages_stay_small_and_leave_nothing_out(server: Server, innocent: redis.Redis, read: Read) -> None:
    found, at, pages = [], None, 0
    while pages == 0 or at:
        page = weighed(innocent, read, server, at)
        assert bool(page.stopped) is (page.next is not None)
        found += [item.id for item in page.items]
        at, pages = page.next, pages + 1
    wanted = [ALL[0], ALL[-1]] if read is filtered else ALL
    assert found == (wanted[::-1] if read is downwards else wanted)
    assert HUGE_ONES * HUGE // MOST < pages <= HUGE_ONES * HUGE // PAGE_BYTES + 2


def test_a_page_says_why_it_ends(server: Server, innocent: redis.Redis) -> None:
    assert upwards(server, None).stopped == "The page ends early: it is already 5.0 MB."
    assert filtered(server, None).stopped.startswith("Scanned 11 entries from here, 1 match. The page ends early: ")
    found = pending(server, None)
    assert (found.stopped, found.next) == (upwards(server, None).stopped, StreamId(12, 0))
    assert {entry.body for entry in found.items} == {"present"}


ADDRESSES = (
    "/s/default/s/",
    "/s/default/s/?where=a = b",
    "/s/default/s/?start=1-0",
    "/s/default/s/g/g/",
    "/api/v1/servers/default/streams/s/entries?limit=500",
    "/api/v1/servers/default/streams/s/entries?limit=500&order=desc&where=a = b",
    "/api/v1/servers/default/streams/s/groups/g/pending?limit=500",
)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_and_read_stays_small(
    address: str, server: Server, innocent: redis.Redis, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet().sample(server)
    monkeypatch.setattr(fleet(), "running", True)
    response = weighed(innocent, operator.get, address)
    assert b"The page ends early: it is already " in response.content


def test_the_heavy_ones_may_come_at_any_place(server: Server, redis_client: redis.Redis) -> None:
    """After many light ones the steps are as long as they get, and no longer."""
    light = FIRST + 2 * FIRST + STEP
    add(redis_client, [1] * light + [HUGE] * 40)
    assert weighed(redis_client, upwards, server, None).next


def test_a_hundred_thousand_empty_fields_weigh_something(server: Server, redis_client: redis.Redis) -> None:
    words = [word for n in range(100_000) for word in (b"%x" % n, b"")]
    for n in range(1, 9):
        redis_client.execute_command("XADD", KEY, f"{n}-0", *words)
    assert len(upwards(server, None).items) == FIRST


# steps ---------------------------------------------------------------------------------------------------------------


def steps(weights: list[int]) -> list[int]:
    """The lengths of all steps through entries of these weights."""
    taken: list[int] = []
    while count := step(sum(taken), sum(weights[: sum(taken)]), len(weights) - sum(taken)):
        taken.append(count)
    return taken


@given(st.lists(st.sampled_from([0, 1, 1000, 10**5, 10**6, 5 * 10**6]), max_size=300))
def test_a_read_exceeds_its_budget_by_less_than_a_step(weights: list[int]) -> None:
    taken = steps(weights)
    assert max(taken, default=0) <= STEP
    assert sum(weights[: sum(taken[:-1])]) <= PAGE_BYTES
    assert sum(taken) == len(weights) or sum(weights[: sum(taken)]) > 0
    assert all(later <= 2 * sum(taken[:at]) for at, later in enumerate(taken) if at)


@pytest.mark.parametrize(("entries", "commands"), [(51, 5), (501, 33), (LOOK_MAX, 127)])
def test_light_entries_cost_few_commands(entries: int, commands: int) -> None:
    taken = steps([100] * entries)
    assert (len(taken), sum(taken)) == (commands, entries)
    assert all(before <= after for before, after in pairwise(taken[:-1]))


# time ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [upwards, filtered, pending])
def test_a_slow_server_makes_short_pages(
    server: Server, redis_client: redis.Redis, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four steps there is time for three."""
    add(redis_client, [1] * 40)
    hand_out(redis_client)
    asked = Standalone.exchange

    def slowly(self: Standalone, commands: Sequence[Command]) -> list[object]:
        replies = asked(self, commands)
        time.sleep(0.1)
        return replies

    monkeypatch.setattr(Standalone, "exchange", slowly)
    with links.deadline(READ_TIMEOUT + 0.25):
        page = read(server, None)
    assert page.next is not None
    assert page.stopped.endswith("The page ends early: the server is slow.")


def searched(server: Server, at: StreamId | None) -> Page[PendingEntry]:
    query = PendingQuery(KEY, GROUP, start=at or ALL[0], limit=500, keep=lambda entry: bool(entry.fields))
    return server.run(query)


@pytest.mark.parametrize("read", [filtered, searched])
def test_a_filter_that_takes_long_makes_short_pages(
    server: Server, redis_client: redis.Redis, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ends with its first step, says why, and the next one goes on from there."""
    add(redis_client, [1] * 40)
    hand_out(redis_client)
    monkeypatch.setattr(steps_of_reads, "LOOK_SECONDS", 0.0)
    found, at, pages = [], None, 0
    while pages == 0 or at:
        page = read(server, at)
        if page.next:
            assert page.stopped.endswith(f"{len(page.items)} match. The page ends early: the filter takes long here.")
        found += [item.id for item in page.items]
        at, pages = page.next, pages + 1
    assert found == ALL[:40]
    assert 40 // FIRST <= pages <= 40 // FIRST + 1, "it may not be known that the last one is full"
