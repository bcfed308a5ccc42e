"""What a glance tells: every change that replies can show, and never that something is as it was when nobody saw it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import redis

from dashboard.fleet.rounds.glances import TOGETHER, Glances
from dashboard.streams.errors import NotAllowed, Unreachable
from dashboard.streams.links import Server, packed, parsed
from dashboard.streams.queries.sampling import glance

KEYS = [b"s%02d" % number for number in range(3 * TOGETHER + 1)]


class Watch:
    """Glances at a server, one after the other, a second apart."""

    def __init__(self, server: Server) -> None:
        self.server, self.glances, self.at = server, Glances(), 0

    async def changed(self) -> dict[bytes, int]:
        self.at += 1000
        found: dict[bytes, int] = {}
        await self.glances.look(self.server.link.unparsed, lambda: self.at, found)
        return found


@pytest.fixture
async def watch(server: Server, redis_client: redis.Redis) -> AsyncIterator[Watch]:
    """Streams with a group that has read everything, all looked at twice."""
    for key in KEYS:
        redis_client.xgroup_create(key, "g", "0", mkstream=True)
        redis_client.xadd(key, {"n": 1}, id="1-1")
        redis_client.xreadgroup("g", "c", {key: ">"})
        redis_client.xack(key, "g", "1-1")
    watch = Watch(server)
    watch.glances.add(KEYS)
    assert await watch.changed() == dict.fromkeys(KEYS, 0)
    assert await watch.changed() == {}
    yield watch
    await server.aclose()


CHANGES: dict[str, Callable[[redis.Redis, bytes], object]] = {
    "an entry more": lambda r, key: r.xadd(key, {"n": 2}),
    "an entry for another": lambda r, key: r.xadd(key, {"n": 2}, maxlen=1, approximate=False),
    "an entry less": lambda r, key: r.xdel(key, "1-1"),
    "a trim": lambda r, key: r.xtrim(key, maxlen=0, approximate=False),
    "a position": lambda r, key: r.xgroup_setid(key, "g", "0"),
    "a group more": lambda r, key: r.xgroup_create(key, "h", "0"),
    "a group less": lambda r, key: r.xgroup_destroy(key, "g"),
    "a consumer more": lambda r, key: r.xgroup_createconsumer(key, "g", "d"),
    "a stream less": lambda r, key: r.delete(key),
    "another type": lambda r, key: (r.delete(key), r.set(key, "text")),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_one_stream_is_seen_in_it_alone(watch: Watch, redis_client: redis.Redis, change: str) -> None:
    """But for one: before Redis 7.0 nobody counts the lag, and such streams are always looked into."""
    shows = change != "an entry for another" or "lag" in redis_client.xinfo_groups(KEYS[20])[0]
    CHANGES[change](redis_client, KEYS[20])
    assert await watch.changed() == ({KEYS[20]: 2000} if shows else {})


async def test_what_the_server_refuses_to_tell_is_never_taken_for_unchanged(
    watch: Watch, redis_client: redis.Redis
) -> None:
    redis_client.delete(KEYS[20])
    assert [await watch.changed() for _ in range(3)] == [{KEYS[20]: at} for at in (2000, 3000, 4000)]
    redis_client.xgroup_create(KEYS[20], "g", "0", mkstream=True)
    assert await watch.changed() == {KEYS[20]: 5000}
    assert await watch.changed() == {}


async def test_who_comes_and_goes_changes_nothing_about_the_others(watch: Watch, redis_client: redis.Redis) -> None:
    watch.glances.drop([KEYS[1], KEYS[20]])
    watch.glances.add([KEYS[20], b"new"])
    redis_client.xgroup_create("new", "g", "0", mkstream=True)
    redis_client.xadd(KEYS[2], {"n": 2})
    assert await watch.changed() == {KEYS[2]: 2000, KEYS[20]: 0, b"new": 0}
    redis_client.xadd(KEYS[1], {"n": 2})
    redis_client.xadd(KEYS[0], {"n": 2})
    assert await watch.changed() == {KEYS[0]: 3000}


async def test_what_is_forgotten_has_changed(watch: Watch) -> None:
    watch.glances.forget()
    assert set(await watch.changed()) == set(KEYS)
    assert await watch.changed() == {}


async def test_a_look_that_fails_keeps_what_it_has_found(
    watch: Watch, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.fleet.rounds.glances.WINDOW", 1)
    redis_client.xadd(KEYS[0], {"n": 2})
    redis_client.xadd(KEYS[-1], {"n": 2})
    ask, calls = watch.server.link.unparsed, 0

    async def fails_once(batches: Sequence[bytes]) -> list[bytes]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Unreachable("gone")
        return await ask(batches)

    found: dict[bytes, int] = {}
    with pytest.raises(Unreachable):
        await watch.glances.look(fails_once, lambda: 3000, found)
    assert found == {KEYS[0]: 2000}
    await watch.glances.look(fails_once, lambda: 4000, found)
    assert found == {KEYS[0]: 2000, KEYS[-1]: 2000}


# the wire ------------------------------------------------------------------------------------------------------------


async def test_replies_come_apart_where_they_belong_whatever_is_in_them(
    server: Server, redis_client: redis.Redis
) -> None:
    """Names may hold what an error looks like, or a reply to ECHO."""
    names = [b"\r\n-ERR x\r\n", b"$16\r\n0123456789abcdef\r\n", b"x" * 300_000]
    for name in names:
        redis_client.xgroup_create(name, name, "0", mkstream=True)
    found = await server.link.unparsed([packed(glance([name])) for name in names])
    assert [parsed(each)[0] for each in found] == [0, 0, 0]
    assert [parsed(each)[1][0][1] for each in found] == names
    await server.aclose()


async def test_without_echo_nothing_is_compared_and_the_next_read_gets_its_own_replies(
    server: Server, redis_client: redis.Redis
) -> None:
    redis_client.xadd("q", {"n": 1})
    redis_client.execute_command("ACL", "SETUSER", "default", "-echo")
    try:
        with pytest.raises(NotAllowed):
            await server.link.unparsed([packed(glance([b"q"]))])
        assert await server.link.aexchange([("XLEN", b"q")]) == [1]
    finally:
        redis_client.execute_command("ACL", "SETUSER", "default", "+echo")
        await server.aclose()


async def test_without_xlen_nothing_is_compared(watch: Watch, redis_client: redis.Redis) -> None:
    redis_client.execute_command("ACL", "SETUSER", "default", "-xlen")
    try:
        with pytest.raises(NotAllowed):
            await watch.changed()
    finally:
        redis_client.execute_command("ACL", "SETUSER", "default", "+xlen")


async def test_a_key_that_may_not_be_read_is_told_of_each_time(watch: Watch, redis_client: redis.Redis) -> None:
    redis_client.execute_command("ACL", "SETUSER", "default", "resetkeys", "~s0*", "~s1*", "~s3*", "~s4*", "~s2[1-9]")
    try:
        assert [await watch.changed() for _ in range(2)] == [{KEYS[20]: 2000}, {KEYS[20]: 3000}]
    finally:
        redis_client.execute_command("ACL", "SETUSER", "default", "allkeys")
