"""How many projectors share thousands of streams without stepping on each other: a lease per stream, with fencing.

Two answers were at hand. *Rendezvous hashing* over the live projectors spreads streams evenly without anybody deciding,
and moves few when one joins or leaves; but projectors learn of each other one after the other, and for that moment two
of them believe that a stream is theirs. *A lease* is given by Redis to one at a time; but a lease alone does not stop
the one that was suspended for a minute and wakes up in the middle of a write. So the lease is what counts, each has a
number that only grows, and every write is refused in Redis unless it comes with the number in force (the fence).
Rendezvous hashing only says who asks for which lease, so that nobody has to share them out.

A lease costs nothing to keep: it is valid as long as its owner renews one heartbeat, not one key per stream.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence

from redis.asyncio import Redis

from streams_admin.demo.scenarios.options import Options, Role

log = logging.getLogger("scenario")

AT_ONCE = 1000
"""Leases that are asked for in one call, so that nobody else waits long for the server."""

RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local was_live = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return {was_live and 1 or 0, redis.call('ZRANGE', KEYS[1], 0, -1)}
"""
"""Be live until now + ARGV[2] ms by the server's clock. Whether we still were, and who is."""

TAKE = """
local leases = {}
for i = 2, #ARGV do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  local owner = held and string.match(held, '^(%S+) ')
  if owner and owner ~= ARGV[1] and redis.call('ZSCORE', KEYS[2], owner) then
    leases[i - 1] = ''
  else
    leases[i - 1] = ARGV[1] .. ' ' .. redis.call('INCR', KEYS[3])
    redis.call('HSET', KEYS[1], ARGV[i], leases[i - 1])
  end
end
return leases
"""
"""A new lease for each stream whose owner is not live (or is an earlier process of our name), else ''."""

RELEASE = """
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
"""


def owner(user: str, live: Iterable[Role]) -> Role:
    """Rendezvous hashing: of all live projectors, the one whose hash together with the user is the highest."""
    return max(live, key=lambda name: hashlib.blake2b(f"{name} {user}".encode(), digest_size=8).digest())


class Leases:
    """The leases of one projector. `held`: user to lease, like "projector-1 41"; the number is the fencing token."""

    def __init__(self, redis: Redis, options: Options, name: Role, seconds: float) -> None:
        self.redis, self.name, self.seconds = redis, name, seconds
        self.held: dict[str, str] = {}
        self.live: list[Role] = []
        self._known: tuple[set[str], list[Role]] = (set(), [])
        self._share: set[str] = set()
        self._leases, self._projectors = options.key("cart:leases"), options.key("cart:projectors")
        self._fence, self._users = options.key("cart:fence"), options.key("cart:users")
        self._renew, self._take, self._release = (redis.register_script(script) for script in (RENEW, TAKE, RELEASE))

    async def renew(self) -> None:
        """Say that we live, and learn who else does. If we were too late, others may have our leases: hold none."""
        was_live, self.live = await self._renew(keys=[self._projectors], args=[self.name, int(self.seconds * 1000)])
        if not was_live and self.held:
            log.warning("%s was silent for too long and gives up %d carts", self.name, len(self.held))
            self.held.clear()

    async def settle(self) -> list[str]:
        """Give back what is others' by now, ask for what is ours. The users whose lease is new.

        What its owner has not given back yet is asked for again at the next call.
        """
        mine = await self._mine()
        await self.give_back(self.held.keys() - mine)
        wanted = sorted(mine - self.held.keys())
        return [user for at in range(0, len(wanted), AT_ONCE) for user in await self._ask(wanted[at : at + AT_ONCE])]

    async def _mine(self) -> set[str]:
        users, live = await self.redis.smembers(self._users), self.live
        if self._known != (users, live):
            self._share = {user for user in users if owner(user, live) == self.name}
            self._known = (users, live)
        return self._share

    async def _ask(self, users: Sequence[str]) -> list[str]:
        keys = [self._leases, self._projectors, self._fence]
        given = zip(users, await self._take(keys=keys, args=[self.name, *users]), strict=True)
        new = {user: lease for user, lease in given if lease}
        self.held.update(new)
        return list(new)

    async def give_back(self, users: Iterable[str]) -> None:
        """Only what is still ours."""
        given = [part for user in users for part in (user, self.held.pop(user))]
        for at in range(0, len(given), 2 * AT_ONCE):
            await self._release(keys=[self._leases], args=given[at : at + 2 * AT_ONCE])

    async def leave(self) -> None:
        """An orderly end: others need not wait until we are missed."""
        await self.give_back(list(self.held))
        await self.redis.zrem(self._projectors, self.name)
