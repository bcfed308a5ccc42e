"""Carts equal their logs whatever happens to the projectors, and no two project the same log at the same time."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
import redis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import carts
from streams_admin.demo.scenarios.crew import Crew
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.store import leases
from streams_admin.demo.scenarios.store.cart_store import GROUP, CartStore
from streams_admin.demo.scenarios.store.leases import Leases
from streams_admin.demo.scenarios.store.projector import Projector
from tests.scenarios import bench
from tests.scenarios.conftest import Play
from tests.scenarios.waiting import until
from tests.scenarios.watching import Monitor

SILENT_FOR = 1.2
ORDERLY = 20.0


# what a cart must be, from the logs alone -----------------------------------------------------------------------------


def expected(client: redis.Redis) -> dict[str, dict[str, str]]:
    """By another way than the projectors: each item on its own, since the last checkout."""
    return {user: cart for user in client.smembers("cart:users") if (cart := cart_of(client, user))}


def cart_of(client: redis.Redis, user: str) -> dict[str, str]:
    events = [event for _, event in client.xrange(f"cart:events:{user}")]
    last = max((at for at, event in enumerate(events) if event["eventType"] == "cart:checkout"), default=-1)
    since = [event for event in events[last + 1 :] if event["quantity"].isdigit()]
    items = {event["itemId"] for event in since}
    return {item: str(left) for item in items if (left := quantity(since, item))}


def quantity(events: list[dict[str, str]], item: str) -> int:
    left = 0
    for event in events:
        if event["itemId"] == item:
            change = int(event["quantity"])
            left = left + change if event["eventType"] == "item:add" else max(0, left - change)
    return left


def stored(client: redis.Redis) -> dict[str, dict[str, str]]:
    return {key.removeprefix("cart:current:"): client.hgetall(key) for key in client.scan_iter("cart:current:*")}


def caught_up(client: redis.Redis) -> bool:
    applied = client.hgetall("cart:applied")
    return all(applied.get(user) == last_id(client, user) for user in client.smembers("cart:users"))


def last_id(client: redis.Redis, user: str) -> str:
    return str(client.xinfo_stream(f"cart:events:{user}")["last-generated-id"])


def nothing_pending(client: redis.Redis) -> bool:
    users = client.smembers("cart:users")
    return not any(client.xpending(f"cart:events:{user}", GROUP)["pending"] for user in users)


# while events arrive --------------------------------------------------------------------------------------------------


def accepted(monitor: Monitor) -> Iterator[tuple[str, str, int, tuple[int, int]]]:
    """Every write that passed the fence: user, projector, its fencing token, the last ID it applied."""
    leases: dict[str, str] = {}
    for by_script, words in monitor.commands:
        if not by_script and words[0] == "EVALSHA" and words[3:5] == ["cart:leases", "cart:applied"]:
            leases = {user: lease for user, lease, *_ in json.loads(words[-1])}
        elif by_script and words[:2] == ["HSET", "cart:applied"]:
            projector, token = leases[words[2]].split(" ")
            milliseconds, sequence = words[3].split("-")
            yield words[2], projector, int(token), (int(milliseconds), int(sequence))


def check_one_after_the_other(monitor: Monitor) -> set[str]:
    """Per log, tokens never go back and positions never repeat; which projectors wrote."""
    by_user: dict[str, list[tuple[int, tuple[int, int]]]] = {}
    writers = set()
    for user, projector, token, applied in accepted(monitor):
        by_user.setdefault(user, []).append((token, applied))
        writers.add(projector)
    for writes in by_user.values():
        assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(writes)), writes
    return writers


def disturb(crew: Crew) -> None:
    """Join, crash, come back, be suspended for longer than the lease and wake up, leave."""
    time.sleep(0.8)
    crew.restart("projector-4")
    time.sleep(0.8)
    crew.kill("projector-1")
    time.sleep(0.3)
    os.kill(crew.members["projector-2"].pid, signal.SIGSTOP)
    time.sleep(2 * SILENT_FOR)
    os.kill(crew.members["projector-2"].pid, signal.SIGCONT)
    crew.restart("projector-1")
    time.sleep(0.6)
    crew.end("projector-3")
    time.sleep(0.5)


def test_carts_equal_their_logs_through_join_crash_and_leave_and_can_be_rebuilt(
    play: Play, client: redis.Redis, redis_url: str
) -> None:
    with Monitor(redis_url) as monitor:
        crew = play("carts", rate=150, users=60, workers=3, reclaim_after=SILENT_FOR, seed=3, poison_rate=0.02)
        until(lambda: client.zcard("cart:projectors") == 3)
        disturb(crew)
        crew.end("producer")
        until(lambda: caught_up(client) and nothing_pending(client), within=ORDERLY)
        crew.stop()
    assert check_one_after_the_other(monitor) == {f"projector-{n}" for n in range(1, 5)}
    assert sum(client.xlen(f"cart:events:{user}") for user in client.smembers("cart:users")) > 500
    assert stored(client) == expected(client)
    check_rebuild(play, client)


def check_rebuild(play: Play, client: redis.Redis) -> None:
    """A new projector and an empty store: the same carts. What was put aside is not put aside again."""
    before, aside = stored(client), client.xlen("cart:dlq")
    assert aside
    client.delete("cart:applied", *client.scan_iter("cart:current:*"))
    play("carts", rate=0, workers=1)
    until(lambda: caught_up(client), within=ORDERLY)
    assert stored(client) == before
    assert client.xlen("cart:dlq") == aside


# the parts ------------------------------------------------------------------------------------------------------------


def make(service: Redis, name: str, seconds: float = 30.0) -> Projector:
    return Projector(service, CartStore(service, Options()), Leases(service, Options(), name, seconds))


def happen(client: redis.Redis, user: str, *quantities: int) -> None:
    client.sadd("cart:users", user)
    for number in quantities:
        client.xadd(f"cart:events:{user}", {"eventType": "item:add", "itemId": "i", "quantity": number})


async def join(projector: Projector) -> list[str]:
    await projector.leases.renew()
    new = await projector.leases.settle()
    await projector.adopt(new)
    return sorted(new)


async def test_a_projector_that_wakes_up_after_its_lease_is_refused(service: Redis, client: redis.Redis) -> None:
    """It read the log before it was suspended, and writes after another took over and went on."""
    happen(client, "7", 1)
    slow, quick = make(service, "slow", 0.05), make(service, "quick")
    await join(slow)
    happen(client, "7", 1)
    in_hand = await slow.store.load(["7"])
    await asyncio.sleep(0.1)
    happen(client, "7", 1)
    assert await join(quick) == ["7"]
    assert client.hgetall("cart:current:7") == {"i": "3"}
    assert await slow.store.save(in_hand, slow.leases.held, {}) == ["7"]
    assert client.hgetall("cart:current:7") == {"i": "3"}
    await slow.project({}, also=["7"])
    assert slow.leases.held == {}


async def test_an_earlier_process_of_the_same_name_is_refused_too(service: Redis, client: redis.Redis) -> None:
    happen(client, "7", 1)
    before, after = make(service, "p"), make(service, "p")
    await join(before)
    assert await join(after) == ["7"]
    assert await before.store.save(await before.store.load(["7"]), before.leases.held, {}) == ["7"]
    await after.project({}, also=["7"])
    assert set(after.leases.held) == {"7"}


async def test_a_lease_in_force_is_not_given_to_another(service: Redis, client: redis.Redis) -> None:
    users = [str(n) for n in range(40)]
    for user in users:
        happen(client, user, 1)
    one, two = make(service, "one"), make(service, "two")
    assert await join(one) == sorted(users)
    assert await join(two) == []
    await join(one)
    second = await join(two)
    assert 5 < len(second) < 35
    assert not set(second) & one.leases.held.keys()
    assert set(second) | one.leases.held.keys() == set(users)


async def test_who_leaves_in_order_is_not_waited_for(service: Redis, client: redis.Redis) -> None:
    happen(client, "7", 1)
    one, two = make(service, "one"), make(service, "two")
    await join(one)
    await one.leases.leave()
    assert await join(two) == ["7"]
    assert client.hlen("cart:leases") == 1


async def test_what_was_delivered_to_one_without_lease_is_not_lost(service: Redis, client: redis.Redis) -> None:
    """It had read and never acknowledged; the owner finds it when it looks back."""
    happen(client, "7", 1)
    owner = make(service, "owner")
    await join(owner)
    happen(client, "7", 5)
    client.xreadgroup(GROUP, "stranger", {"cart:events:7": ">"})
    await owner._look_back()
    assert client.hgetall("cart:current:7") == {"i": "6"}
    assert nothing_pending(client)


async def test_an_event_that_a_person_acknowledged_still_counts(service: Redis, client: redis.Redis) -> None:
    """The log decides, not the group."""
    happen(client, "7", 1)
    owner = make(service, "owner")
    await join(owner)
    happen(client, "7", 5)
    ((_, delivered),) = client.xreadgroup(GROUP, "stranger", {"cart:events:7": ">"})
    client.xack("cart:events:7", GROUP, *(id_ for id_, _ in delivered))
    happen(client, "7", 2)
    await owner.project(await owner._read(0.1, None))  # type: ignore[arg-type]
    assert client.hgetall("cart:current:7") == {"i": "8"}


async def test_a_wiped_store_is_filled_again_while_projectors_run(service: Redis, client: redis.Redis) -> None:
    happen(client, "7", 1, 2, 3)
    owner = make(service, "owner")
    await join(owner)
    client.delete("cart:applied", "cart:current:7")
    await owner._look_back()
    assert client.hgetall("cart:current:7") == {"i": "6"}


async def test_a_long_log_is_read_page_by_page(
    service: Redis, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams_admin.demo.scenarios.store.cart_store.PAGE", 3)
    happen(client, "7", *[1] * 7)
    happen(client, "8", *[1] * 6)
    await join(make(service, "owner"))
    assert [client.hgetall(f"cart:current:{user}") for user in "78"] == [{"i": "7"}, {"i": "6"}]


def test_streams_spread_over_projectors_and_few_move_when_one_joins() -> None:
    users = [str(n) for n in range(3000)]
    before = {user: leases.owner(user, ["a", "b", "c"]) for user in users}
    after = {user: leases.owner(user, ["a", "b", "c", "d"]) for user in users}
    assert all(900 < list(before.values()).count(name) < 1100 for name in "abc")
    moved = {after[user] for user in users if before[user] != after[user]}
    assert moved == {"d"}
    assert 650 < list(after.values()).count("d") < 850


def test_random_events_are_understood_unless_they_are_poison() -> None:
    rng = random.Random(1)
    kinds = {carts.event(rng, Options())["eventType"] for _ in range(200)}
    assert kinds == set(carts.KINDS)
    poison = [carts.event(rng, Options(poison_rate=1)) for _ in range(50)]
    assert {e["quantity"] for e in poison if e["eventType"] != "cart:checkout"} == {"many"}


def test_the_rate_of_rebuilding_is_measured(client: redis.Redis, redis_url: str) -> None:
    line = bench.measured(redis_url, 400)
    assert (line["carts"], line["events"]) == (400, 400 * bench.EVENTS)
    assert stored(client) == expected(client)
    assert 0 < float(str(line["ratio"])) <= 1
