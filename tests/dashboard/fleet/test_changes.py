"""Rounds that look only into what changed see what a look at everything sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

import pytest
import redis

from dashboard.fleet.rounds.looks import Look, Looks
from dashboard.fleet.samplers import fleet
from dashboard.fleet.snapshots import StreamState
from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import StreamError, Unreachable
from dashboard.streams.links import Server
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.queries import Command


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The streams that are looked into, in their order."""
    seen: list[bytes] = []
    at = Looks.at

    def noted(self: Looks, keys: tuple[bytes, ...], can: Capabilities) -> AsyncIterator[Look]:
        seen.extend(keys)
        return at(self, keys, can)

    monkeypatch.setattr(Looks, "at", noted)
    return seen


def read(client: redis.Redis, key: str, *, ack: bool = True) -> None:
    """One entry more, delivered to a group, and acknowledged."""
    id_ = client.xadd(key, {"n": 1})
    client.xreadgroup("g", "ann", {key: ">"})
    if ack:
        client.xack(key, "g", id_)


@pytest.fixture
def quiet(server: Server, redis_client: redis.Redis) -> Callable[[], StreamState]:
    """Three streams in which everything is read, looked at; gives what a round says about "b"."""
    for key in "abc":
        redis_client.xgroup_create(key, "g", "0", mkstream=True)
        read(redis_client, key)

    def sampled() -> StreamState:
        return fleet().sample(server).streams[b"b"]

    sampled()
    return sampled


def test_what_did_not_change_is_not_looked_into(
    quiet: Callable[[], StreamState], redis_client: redis.Redis, looked: list[bytes]
) -> None:
    everything = [] if counts_lag(redis_client) else [b"a", b"b", b"c"]
    quiet()
    assert looked == everything
    del looked[:]
    read(redis_client, "b")
    assert quiet().sample.facts.length == 2
    assert looked == (everything or [b"b"])


def counts_lag(client: redis.Redis) -> bool:
    """Before Redis 7.0 nobody does, and what is added for another entry shows in no glance."""
    return "lag" in client.xinfo_groups("b")[0]


CHANGES: dict[str, Callable[[redis.Redis], object]] = {
    "delivered": lambda r: read(r, "b", ack=False),
    "at its cap, with a lag that nobody counts": lambda r: [
        r.xadd("b", {"n": n}, maxlen=1, approximate=False) for n in range(3)
    ],
    "without its groups": lambda r: (r.xgroup_destroy("b", "g"), r.xadd("b", {"n": 1})),
    "emptied": lambda r: r.xtrim("b", maxlen=0, approximate=False),
    "added and deleted": lambda r: r.xdel("b", r.xadd("b", {"n": 1})),
    "deleted and made anew": lambda r: (r.delete("b"), r.xadd("b", {"n": 1})),
}
NEXT: dict[str, Callable[[redis.Redis], object]] = {
    "claimed": lambda r: r.xclaim("b", "g", "bob", 0, [r.xrevrange("b", count=1)[0][0]], idle=600_000),
    "one for another": lambda r: r.xadd("b", {"n": 1}, maxlen=1, approximate=False),
    "added and deleted": lambda r: r.xdel("b", r.xadd("b", {"n": 1})),
}


@pytest.mark.parametrize("then", NEXT.values(), ids=NEXT.keys())
@pytest.mark.parametrize("first", CHANGES.values(), ids=CHANGES.keys())
def test_a_round_says_what_a_look_at_everything_says(
    quiet: Callable[[], StreamState],
    server: Server,
    redis_client: redis.Redis,
    first: Callable[[redis.Redis], object],
    then: Callable[[redis.Redis], object],
) -> None:
    """Also what shows in no glance: claims, and entries that come for others where nobody counts the lag."""
    for change in (first, then):
        with suppress(redis.ResponseError, IndexError):  # nothing is there to claim
            change(redis_client)
        ours = quiet()
        fleet().sampler(server)._glances.forget()
        assert _seen(ours) == _seen(quiet())


def _seen(state: StreamState) -> object:
    held = [(g.facts, [c.name for c in g.consumers], [e.id for e in g.looked], g.ghosts) for g in state.sample.groups]
    return state.sample.facts, held, [(f.kind, f.group, f.consumer) for f in state.findings]


def test_a_claim_is_seen_though_no_glance_shows_it(quiet: Callable[[], StreamState], redis_client: redis.Redis) -> None:
    read(redis_client, "b", ack=False)
    assert quiet().findings == ()
    ids = [row["message_id"] for row in redis_client.xpending_range("b", "g", "-", "+", 9)]
    redis_client.xclaim("b", "g", "ann", 0, ids, idle=600_000)
    assert [f.kind for f in quiet().findings] == ["stuck"]
    redis_client.xclaim("b", "g", "bob", 0, ids, idle=0)
    assert quiet().findings == ()


def test_rates_fall_while_nothing_changes_and_end(quiet: Callable[[], StreamState], redis_client: redis.Redis) -> None:
    for _ in range(20):
        read(redis_client, "b")
    moving = quiet()
    if not counts_lag(redis_client):
        assert moving.in_rate is None, "nobody counts what is added either"
        return
    assert moving.in_rate
    assert moving.out_rate(b"g")
    calm = quiet()
    assert calm.in_rate == pytest.approx(0.6 * moving.in_rate)
    assert calm.out_rate(b"g") == pytest.approx(0.6 * (moving.out_rate(b"g") or 0))
    for _ in range(60):
        calm = quiet()
    assert (calm.in_rate, calm.out_rate(b"g")) == (0.0, 0.0)
    assert calm.in_trend[-1] == 0.0


def test_a_stream_that_is_refused_while_its_rates_fall_holds_up_no_round(
    server: Server, quiet: Callable[[], StreamState], redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        read(redis_client, "b")
    quiet()
    at = Looks.at

    async def refused(self: Looks, keys: tuple[bytes, ...], can: Capabilities) -> AsyncIterator[Look]:
        async for look in at(self, keys, can):
            yield Look(look.key, StreamError("The server is busy.")) if look.key == b"b" else look

    read(redis_client, "b")
    monkeypatch.setattr(Looks, "at", refused)
    for _ in range(3):
        snapshot = fleet().sample(server)
        assert not snapshot.error
        assert "The server is busy." in snapshot.left_out
        assert b"b" not in snapshot.streams
    monkeypatch.setattr(Looks, "at", at)
    assert not fleet().sample(server).left_out
    assert quiet().sample.facts.length == 22


def test_a_change_is_not_lost_when_the_server_falls_silent_before_it_was_looked_into(
    quiet: Callable[[], StreamState], server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(redis_client, "b")
    exchange = Standalone.aexchange

    async def silent(self: Standalone, commands: Sequence[Command]) -> list[object]:
        if any(command[:2] == ("XINFO", "STREAM") for command in commands):
            raise Unreachable("gone")
        return await exchange(self, commands)

    with monkeypatch.context() as patch:
        patch.setattr(Standalone, "aexchange", silent)
        assert fleet().sample(server).error == "gone"
    assert quiet().sample.facts.length == 2


def test_many_that_hold_something_have_their_turns(
    server: Server, redis_client: redis.Redis, looked: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.fleet.sampler.TURNS", 2)
    monkeypatch.setattr("dashboard.fleet.sampler.TURN_SECONDS", 0.0)
    monkeypatch.setattr("dashboard.fleet.sampler.CHUNK", 1)
    for key in "abcde":
        redis_client.xgroup_create(key, "g", "0", mkstream=True)
        read(redis_client, key, ack=False)
    fleet().sample(server)
    del looked[:]
    for _ in range(5):
        fleet().sample(server)
    times = 2 if counts_lag(redis_client) else 5
    assert sorted(looked) == sorted([b"a", b"b", b"c", b"d", b"e"] * times)
