"""Samples of many groups that hold much: no round trip brings more than can be parsed in a few milliseconds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis

from dashboard.streams.links import Server
from dashboard.streams.queries import Command, sampling
from dashboard.streams.queries.sampling import OLDEST, TOGETHER, SampleStreams
from dashboard.streams.samples import Samples, StreamSample

KEYS = tuple(b"q%d" % number for number in range(3))
GROUPS = [b"g%02d" % number for number in range(12)]
HELD = 120


@pytest.fixture
def held(redis_client: redis.Redis) -> None:
    """Groups that hold more than a look shows, some of it deleted, each with two consumers."""
    for key in KEYS:
        with redis_client.pipeline(transaction=False) as pipe:
            for number in range(1, HELD + 1):
                pipe.xadd(key, {"n": number}, id=f"{number}-0")
            for group in GROUPS:
                pipe.xgroup_create(key, group, "0")
                pipe.xreadgroup(group, "ann", {key: ">"}, count=HELD - 1)
                pipe.xreadgroup(group, "bob", {key: ">"}, count=1)
            pipe.xdel(key, "5-0", "7-0")
            pipe.execute()


def sampled(server: Server) -> Samples:
    return server.run(SampleStreams(KEYS, server.capabilities()))


def counted(samples: Samples) -> list[object]:
    """What does not depend on the moment."""
    groups = [group for sample in samples.values() if isinstance(sample, StreamSample) for group in sample.groups]
    return [
        (
            group.facts,
            [consumer.name for consumer in group.consumers],
            [entry.id for entry in group.looked],
            [entry.id for entry in group.firsts],
            group.ghosts,
            group.go_on,
        )
        for group in groups
    ]


@pytest.mark.usefixtures("held")
def test_groups_that_hold_much_are_looked_into_some_at_a_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[int] = []
    exchange = server.link.exchange

    def noted(commands: Sequence[Command]) -> list[object]:
        lists = [int(c[5]) for c in commands if c[0] == "XPENDING" and len(c) == 6]
        trips.append(sum(min(count, HELD) for count in lists))
        return exchange(commands)

    monkeypatch.setattr(server.link, "exchange", noted)
    ours = sampled(server)
    assert sum(trips) == len(KEYS) * len(GROUPS) * (OLDEST + HELD)
    assert max(trips) <= TOGETHER
    monkeypatch.setattr(sampling, "TOGETHER", 10**9)
    del trips[:]
    assert counted(ours) == counted(sampled(server))
    assert sum(count > 0 for count in trips) == 1, "without the bound all of them come at once"
