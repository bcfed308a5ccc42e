"""Rounds: what is published while a pass over the keys takes several of them."""

from __future__ import annotations

import time
from functools import partial
from unittest.mock import Mock

import pytest
import redis

from dashboard.fleet import sampler
from dashboard.fleet.findings.model import Finding, Limits
from dashboard.fleet.samplers import fleet
from dashboard.fleet.shown import of_server
from dashboard.fleet.snapshots import ServerSnapshot
from dashboard.streams import links
from dashboard.streams.errors import Unreachable
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


def kinds(of: Server) -> set[str]:
    """Of the findings about streams, after a round."""
    return {finding.kind for state in fleet().sample(of).streams.values() for finding in state.findings}


def test_a_change_of_role_is_seen_in_the_next_round(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd("q", {"n": 1})
    assert not fleet().sample(server).gaps
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert "This is a replica" in fleet().sample(server).gaps
        assert server.read_only_reason == "default is a replica: only its primary takes writes."
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")
    assert not fleet().sample(server).gaps
    assert server.read_only_reason == ""


def test_a_replica_is_not_judged_by_when_consumers_read(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries wait, and nobody has read for longer than is late: news on a primary, unknown on a replica."""
    monkeypatch.setattr(sampler, "limits", lambda: Limits(late_ms=20))
    redis_client.xgroup_create("q", "g", id="0", mkstream=True)
    redis_client.xreadgroup("g", "w", {"q": ">"})
    redis_client.xadd("q", {"n": 1})
    time.sleep(0.1)
    assert kinds(server) == {"no_consumer"}
    redis_client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        links.configure([ServerConfig("default", server.config.url)])
        watched = links.get("default")
        assert kinds(watched) == set()
        assert "This is a replica" in fleet().sampler(watched).snapshot.gaps
    finally:
        redis_client.execute_command("REPLICAOF", "NO", "ONE")


# who watches reads again ---------------------------------------------------------------------------------------------


@pytest.fixture
def told(server: Server, redis_client: redis.Redis) -> list[int]:
    """An entry for each time that watchers are told; the first round is over, and a stream with a group is there."""
    redis_client.xgroup_create("q", "g", id="0", mkstream=True)
    redis_client.xadd("q", {"n": 1})
    redis_client.xreadgroup("g", "w", {"q": ">"})
    found: list[int] = []
    fleet().sampler(server)._published = lambda: found.append(1)
    for _ in range(2):  # the second one knows rates
        fleet().sample(server)
    found.clear()
    return found


def rounds(of: Server, told: list[int], count: int = 1) -> int:
    """How often watchers are told in so many rounds."""
    told.clear()
    for _ in range(count):
        fleet().sample(of)
    return len(told)


def test_nobody_is_told_where_nothing_has_changed(server: Server, told: list[int]) -> None:
    assert rounds(server, told, 5) == 0


@pytest.mark.parametrize(
    "change",
    [
        ("XADD", "q", "*", "n", "2"),
        ("XADD", "new", "*", "n", "2"),
        ("DEL", "q"),
        ("XGROUP", "CREATE", "q", "other", "0"),
        ("XGROUP", "CREATECONSUMER", "q", "g", "w2"),
        ("XACK", "q", "g", "1-0"),
        ("XTRIM", "q", "MAXLEN", "0"),
        ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_has_changed_is_told_once(
    server: Server, redis_client: redis.Redis, told: list[int], change: tuple[str, ...]
) -> None:
    if change[0] == "XACK":
        (entry,) = redis_client.xrange("q")
        change = (*change[:3], entry[0])
    redis_client.execute_command(*change)
    try:
        assert rounds(server, told) == 1
    finally:
        redis_client.config_set("maxmemory-policy", "noeviction")


def test_an_outage_is_told_and_its_end(
    server: Server, redis_client: redis.Redis, told: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(server, "afacts", Mock(side_effect=Unreachable("away")))
        assert rounds(server, told, 3) == 1
    assert rounds(server, told, 3) == 1


def test_an_age_that_is_shown_is_news_when_its_words_change() -> None:
    """In seconds: a finding's age stands in its row as text."""

    def after(ms: int) -> int:
        return of_server(ServerSnapshot("s", findings=(Finding("late", "memory", None, None, "Full", oldest_ms=ms),)))

    assert after(61_000) == after(61_900) != after(62_000)


def test_after_a_while_pages_are_read_again_all_the_same(
    server: Server, told: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say when the server was checked."""
    monkeypatch.setattr(sampler, "QUIET", 0.0)
    assert rounds(server, told, 3) == 3
