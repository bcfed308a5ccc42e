"""Pending lists: pages, filters, ghosts, and the same list as the sampler looks at it round by round."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams.errors import Gone, NotAStream
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import LOOK_MAX, PAGE_MAX, PendingQuery
from dashboard.streams.queries.sampling import (
    OLDEST,
    ROUND_TRIP,
    GoOn,
    GroupSample,
    SampleStreams,
    StreamSample,
)
from dashboard.streams.queries.second_look import BODIES, HOLDERS
from dashboard.streams.snapshots import Page, PendingEntry
from tests.dashboard.streams.seeding import GROUP, KEY, OTHER, WORKER, fill, group, neglect
from tests.streams_admin.acting import counts_reads


def sid(ms: int) -> StreamId:
    return StreamId(ms, 0)


def pending(server: Server, **asked: Any) -> Page[PendingEntry]:
    return server.run(PendingQuery(KEY, GROUP, **asked))


def numbers(page: Page[PendingEntry]) -> list[int]:
    return [entry.id.ms for entry in page.items]


@pytest.fixture
def nine(redis_client: redis.Redis) -> redis.Redis:
    """Nine entries, seven of them pending: 1 to 4 with the worker, 5 to 7 with the nameless one."""
    fill(redis_client, 9)
    group(redis_client, read=4)
    redis_client.xreadgroup(GROUP, OTHER, {KEY: ">"}, count=3)
    return redis_client


# pages ---------------------------------------------------------------------------------------------------------------


def test_a_pending_entry_with_all_that_is_known(server: Server, nine: redis.Redis) -> None:
    neglect(nine, "1-0", idle_ms=90_000, deliveries=7)
    first = pending(server).items[0]
    assert (first.id, first.consumer, first.deliveries) == (sid(1), WORKER, 7)
    assert 90_000 <= first.idle_ms < 95_000
    assert (first.fields, first.body) == (((b"n", b"1"),), "present")


def test_pages_follow_each_other(server: Server, nine: redis.Redis) -> None:
    first = pending(server, limit=3)
    second = pending(server, limit=3, start=first.next)
    third = pending(server, limit=3, start=second.next)
    assert [numbers(page) for page in (first, second, third)] == [[1, 2, 3], [4, 5, 6], [7]]
    assert [page.complete for page in (first, second, third)] == [False, False, True]


def test_a_page_that_just_holds_all_is_complete(server: Server, nine: redis.Redis) -> None:
    page = pending(server, limit=7)
    assert (numbers(page), page.complete, page.stopped) == ([1, 2, 3, 4, 5, 6, 7], True, "")


def test_a_page_lies_between_ids(server: Server, nine: redis.Redis) -> None:
    assert numbers(pending(server, start=sid(2), end=sid(5))) == [2, 3, 4, 5]


def test_a_page_is_never_larger_than_the_bound(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, PAGE_MAX + 10)
    group(redis_client, read=PAGE_MAX + 10)
    page = pending(server, limit=10**6)
    assert (len(page.items), page.next) == (PAGE_MAX, sid(PAGE_MAX).next())


def test_one_consumers_entries(server: Server, nine: redis.Redis) -> None:
    assert numbers(pending(server, consumer=WORKER)) == [1, 2, 3, 4]
    assert numbers(pending(server, consumer=OTHER)) == [5, 6, 7]
    assert numbers(pending(server, consumer=b"nobody")) == []


def test_payloads_are_left_alone_where_they_are_not_wanted(server: Server, nine: redis.Redis) -> None:
    assert {(entry.fields, entry.body) for entry in pending(server, bodies=False).items} == {((), "unread")}


def test_a_group_that_holds_nothing(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    group(redis_client, read=0)
    assert pending(server) == Page(())


# filters -------------------------------------------------------------------------------------------------------------


def test_long_idle_and_often_delivered_entries_are_found(server: Server, nine: redis.Redis) -> None:
    neglect(nine, "2-0", idle_ms=60_000)
    neglect(nine, "3-0", idle_ms=120_000, deliveries=5)
    neglect(nine, "6-0", idle_ms=0, deliveries=9, consumer=OTHER)
    assert numbers(pending(server, min_idle_ms=60_000)) == [2, 3]
    assert numbers(pending(server, min_idle_ms=60_001 + 10_000)) == [3]
    assert numbers(pending(server, min_deliveries=5)) == [3, 6]
    assert numbers(pending(server, min_deliveries=5, consumer=OTHER)) == [6]
    assert numbers(pending(server, min_idle_ms=60_000, min_deliveries=5)) == [3]
    assert numbers(pending(server, min_deliveries=1)) == [1, 2, 3, 4, 5, 6, 7]


def test_filtered_pages_follow_each_other(server: Server, nine: redis.Redis) -> None:
    for number in (1, 4, 6):
        neglect(nine, f"{number}-0", idle_ms=60_000)
    first = pending(server, min_idle_ms=60_000, limit=2)
    assert (numbers(first), first.next) == ([1, 4], sid(4).next())
    assert numbers(pending(server, min_idle_ms=60_000, limit=2, start=first.next)) == [6]


def test_a_filter_stops_and_says_so(server: Server, redis_client: redis.Redis) -> None:
    """Beyond the bound lies one that matches: found from where the page says to go on."""
    total = LOOK_MAX + 50
    fill(redis_client, total)
    group(redis_client, read=total)
    neglect(redis_client, "7-0", idle_ms=60_000)
    neglect(redis_client, f"{total}-0", idle_ms=60_000)
    first = pending(server, min_idle_ms=60_000)
    assert (numbers(first), first.scanned, first.complete) == ([7], LOOK_MAX, False)
    assert first.stopped == "Scanned 2,000 pending entries from here, 1 match."
    second = pending(server, min_idle_ms=60_000, start=first.next)
    assert (numbers(second), second.scanned, second.complete, second.stopped) == ([total], 50, True, "")


# ghosts --------------------------------------------------------------------------------------------------------------


def test_a_body_that_is_gone_makes_a_ghost(server: Server, nine: redis.Redis) -> None:
    nine.xdel(KEY, "3-0")
    nine.xtrim(KEY, minid="2-0", approximate=False)
    bodies = {entry.id.ms: entry.body for entry in pending(server).items}
    assert bodies == {1: "gone", 2: "present", 3: "gone", 4: "present", 5: "present", 6: "present", 7: "present"}


def test_a_body_keeps_its_order_and_repeats(server: Server, redis_client: redis.Redis) -> None:
    redis_client.execute_command("XADD", KEY, "1-0", b"\xff", b"1", b"a", b"", b"\xff", b"\x002")
    group(redis_client, read=1)
    assert pending(server).items[0].fields == ((b"\xff", b"1"), (b"a", b""), (b"\xff", b"\x002"))


# what the sampler sees -----------------------------------------------------------------------------------------------


def sampled(server: Server, go_on: GoOn | None = None, key: bytes = KEY) -> StreamSample:
    found = server.run(SampleStreams((key,), server.capabilities(), go_on or {}))[key]
    assert isinstance(found, StreamSample)
    return found


def only_group(server: Server, go_on: GoOn | None = None) -> GroupSample:
    (found,) = sampled(server, go_on).groups
    return found


def test_a_sample_has_consumers_and_the_oldest_pending_entries(server: Server, nine: redis.Redis) -> None:
    found = only_group(server)
    assert [(c.name, c.pending) for c in found.consumers] == [(WORKER, 4), (OTHER, 3)]
    assert [entry.id.ms for entry in found.looked] == [1, 2, 3, 4, 5, 6, 7]
    assert (found.saw_all, found.ghosts, found.go_on) == (True, 0, MIN)


def test_a_group_with_nothing_to_do_is_not_looked_into(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    group(redis_client, read=3)
    redis_client.xack(KEY, GROUP, "1-0", "2-0", "3-0")
    assert (only_group(server).consumers, only_group(server).looked) == ((), ())


def test_what_cannot_be_sampled_is_an_error_in_its_place(server: Server, nine: redis.Redis) -> None:
    nine.set("text", "x")
    found = server.run(SampleStreams((KEY, b"missing", b"text"), server.capabilities()))
    assert {key: type(value) for key, value in found.items()} == {
        KEY: StreamSample,
        b"missing": Gone,
        b"text": NotAStream,
    }


def test_a_long_list_is_seen_round_by_round(server: Server, redis_client: redis.Redis) -> None:
    """Every pending entry is looked at within a few rounds, and the oldest in every one."""
    total = 2 * ROUND_TRIP + 150
    fill(redis_client, total)
    group(redis_client, read=total)
    seen, go_on = set(), MIN
    part = ROUND_TRIP if counts_reads(server) else BODIES  # before 7.0 every body is in doubt and looked for
    for _ in range(total // part + 1):
        found = only_group(server, {(KEY, GROUP): go_on})
        assert {sid(number) for number in range(1, OLDEST + 1)} <= {entry.id for entry in found.looked}
        assert list(found.looked) == sorted(found.looked, key=lambda entry: entry.id)
        assert not found.saw_all
        seen |= {entry.id.ms for entry in found.looked}
        go_on = found.go_on
    assert (seen, go_on) == (set(range(1, total + 1)), MIN)


def test_the_oldest_entry_of_each_consumer_is_known_however_far_behind(
    server: Server, redis_client: redis.Redis
) -> None:
    fill(redis_client, 3 * OLDEST + 10)
    group(redis_client, read=3 * OLDEST)
    redis_client.xreadgroup(GROUP, OTHER, {KEY: ">"}, count=4)
    redis_client.xreadgroup(GROUP, "w3", {KEY: ">"}, count=6)
    redis_client.xack(KEY, GROUP, f"{3 * OLDEST + 1}-0")
    found = only_group(server)
    assert {entry.consumer for entry in found.looked[:OLDEST]} == {WORKER}
    assert {entry.consumer: entry.id.ms for entry in found.firsts} == {OTHER: 302, b"w3": 305}
    again = server.run(SampleStreams((KEY,), server.capabilities(), further=True))[KEY]
    assert isinstance(again, StreamSample)
    assert again.groups[0].firsts == ()


def test_many_consumers_take_turns_until_the_oldest_entry_of_each_was_seen(
    server: Server, redis_client: redis.Redis
) -> None:
    count = HOLDERS + 20
    fill(redis_client, OLDEST + count)
    group(redis_client, read=OLDEST)
    for number in range(count):
        redis_client.xreadgroup(GROUP, f"c{number:03}", {KEY: ">"}, count=1)
    can, seen = server.capabilities(), set()
    for turn in range(2):
        sample = server.run(SampleStreams((KEY,), can, turn=turn))[KEY]
        assert isinstance(sample, StreamSample)
        assert len(sample.groups[0].firsts) == HOLDERS
        seen |= {entry.consumer for entry in sample.groups[0].firsts}
    assert len(seen) == count


def test_ghosts_are_counted_wherever_they_come_from(server: Server, nine: redis.Redis) -> None:
    assert only_group(server).ghosts == 0
    nine.xdel(KEY, "3-0", "5-0")
    assert only_group(server).ghosts == 2
    nine.xtrim(KEY, minid="5-0", approximate=False)
    assert only_group(server).ghosts == 5
    nine.xtrim(KEY, maxlen=0, approximate=False)
    assert only_group(server).ghosts == 7


def test_ghosts_are_looked_for_within_a_bound(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 100)
    group(redis_client, read=100)
    redis_client.xdel(KEY, *(f"{number}-0" for number in range(2, 100)))
    assert only_group(server).ghosts == BODIES - 1


def test_samples_of_several_streams_are_not_mixed_up(server: Server, nine: redis.Redis) -> None:
    """Groups of the same name, holding something here, nothing there."""
    for key, read in ((b"a", 2), (b"b", 0), (b"c", 1)):
        fill(nine, 3, key=key)
        group(nine, key=key, read=read, consumer=b"of " + key)
    nine.xdel(b"c", "1-0")
    found = server.run(SampleStreams((b"a", b"b", b"c", KEY), server.capabilities()))
    groups = {key: sample.groups[0] for key, sample in found.items() if isinstance(sample, StreamSample)}
    assert {key: [c.name for c in g.consumers] for key, g in groups.items()} == {
        b"a": [b"of a"],
        b"b": [],
        b"c": [b"of c"],
        KEY: [WORKER, OTHER],
    }
    assert {key: (len(g.looked), g.ghosts) for key, g in groups.items()} == {
        b"a": (2, 0),
        b"b": (0, 0),
        b"c": (1, 1),
        KEY: (7, 0),
    }
