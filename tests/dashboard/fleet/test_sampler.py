"""Rounds: what is published while a pass over the keys takes several of them."""

from __future__ import annotations

from functools import partial

import pytest
import redis

from dashboard.fleet import sampler
from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.queries import ScanStreams

SHUT_OUT = "The configured user may not read some streams"


@pytest.fixture
def reader(server: Server, redis_client: redis.Redis, redis_url: str) -> Server:
    """The server, for a user who may not read "shut"."""
    for n in range(40):
        redis_client.xadd(f"open:{n}", {"n": n})
    redis_client.xadd("shut", {"n": 1})
    redis_client.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">secret", "~open:*", "+@all")
    links.configure([ServerConfig("default", redis_url.replace("://", "://reader:secret@"))])
    return links.get("default")


def test_streams_that_may_not_be_read_are_told_of_in_every_round(
    reader: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "SCAN_STEPS", 1)
    monkeypatch.setattr(sampler, "ScanStreams", partial(ScanStreams, count=5))
    while not fleet().sample(reader).complete:
        pass
    told = [SHUT_OUT in fleet().sample(reader).gaps for _ in range(30)]
    assert told == [True] * 30
    redis_client.execute_command("ACL", "SETUSER", "reader", "~*")
    told = [SHUT_OUT in fleet().sample(reader).gaps for _ in range(30)]
    assert not told[-1], "it may be read, and the next pass has met it"
    assert b"shut" in fleet().sampler(reader).snapshot.streams
