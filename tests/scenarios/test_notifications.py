"""Notifications: three groups that each see everything, and share it among their workers without doing it twice."""

from __future__ import annotations

import random
from collections import Counter

import redis

from streams_admin.demo.scenarios.notifications import GROUPS, KINDS, STREAM, notification
from streams_admin.demo.scenarios.options import Options
from tests.scenarios.conftest import Play
from tests.scenarios.waiting import held, settled, until

EARLIER = 40
WORKERS = 2


def add_before_anybody_listens(client: redis.Redis) -> None:
    client.set("scenario:notifications", "ours")
    rng = random.Random(1)
    for _ in range(EARLIER):
        client.xadd(STREAM, notification(rng, Options()))


def wait_until_all_are_settled(client: redis.Redis) -> None:
    until(lambda: all(settled(client, STREAM, group) for group in GROUPS.values()), within=15)


def handled(client: redis.Redis, channel: str) -> list[int]:
    """How many entries each worker of a channel settled."""
    counts = client.hgetall(f"{STREAM}:handled")
    return [int(counts.get(f"{channel}-{n}", 0)) for n in range(1, WORKERS + 1)]


def check_everything_was_sent_once(client: redis.Redis) -> int:
    """Each channel settled every entry and sent its own kinds; how many entries there are."""
    entries = client.xrange(STREAM)
    kinds = Counter(fields["type"] for _, fields in entries)
    sent = {channel: sum(kinds[kind] for kind in own) for channel, own in KINDS.items()}
    assert {channel: int(n) for channel, n in client.hgetall(f"{STREAM}:sent").items()} == sent
    for channel, own in KINDS.items():
        marks = {f"{STREAM}:sent:{channel}:{id_}" for id_, fields in entries if fields["type"] in own}
        assert set(client.scan_iter(match=f"{STREAM}:sent:{channel}:*", count=1000)) == marks
    return len(entries)


def test_every_group_settles_everything_from_the_first_entry_on_and_each_entry_by_one_worker(
    play: Play, client: redis.Redis
) -> None:
    add_before_anybody_listens(client)
    crew = play("notifications", rate=80, workers=WORKERS, work_time=0.1)
    until(lambda: client.xlen(STREAM) > EARLIER + 120)
    crew.end("producer")
    wait_until_all_are_settled(client)
    total = check_everything_was_sent_once(client)
    for channel in GROUPS:
        assert sum(handled(client, channel)) == total
        assert min(handled(client, channel)) > total // 10


def test_a_killed_worker_is_relieved_by_its_own_group(play: Play, client: redis.Redis) -> None:
    add_before_anybody_listens(client)
    crew = play("notifications", rate=50, workers=WORKERS, work_time=0.1, reclaim_after=1.0, crash_after=0.5)
    until(lambda: "email-2" not in crew.living())
    left = held(client, STREAM, GROUPS["email"], "email-2")
    assert left
    crew.end("producer")
    wait_until_all_are_settled(client)
    total = check_everything_was_sent_once(client)
    assert [sum(handled(client, channel)) for channel in GROUPS] == [total] * 3
    by = client.mget([f"{STREAM}:sent:email:{id_}" for id_ in left])
    assert set(by) <= {"email-1", None}
