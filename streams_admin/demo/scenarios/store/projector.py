"""A projector: follows the logs it holds a lease for, and keeps the cart of each as the log says.

The group says *that* something is new and remembers what is unfinished. *What* is applied, and in which order, is read
from the log, from the last ID applied on. So nothing is left out or applied twice, whoever claims, acknowledges or
redelivers what; a new projector with an empty store rebuilds every cart by the same few lines; and a projector that
takes over goes on where the one before it stopped.

One XREADGROUP waits for all its streams. The server looks at each of them whenever one wakes it, which is fine for some
thousand; beyond that, start more projectors.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams_admin.demo.scenarios.store.cart_store import GROUP, CartStore
from streams_admin.demo.scenarios.store.leases import Leases
from streams_admin.demo.scenarios.workers.client import LOST_GROUP, keep_going, sleep
from streams_admin.demo.scenarios.workers.crash import Crash

log = logging.getLogger("scenario")

TOGETHER = 250
"""Carts that are read, and then written, in one pipeline."""
PER_STREAM = 50
"""Events of one stream that are delivered at once."""
PENDING = 1000
"""Abandoned entries of one stream that are taken over at once."""

TAKE_OVER = """
local function has_group(log)
  for _, group in ipairs(redis.call('EXISTS', log) == 1 and redis.call('XINFO', 'GROUPS', log) or {}) do
    if group[2] == ARGV[1] then
      return true
    end
  end
end

local found = {}
for _, log in ipairs(KEYS) do
  if not has_group(log) then
    redis.call('XGROUP', 'CREATE', log, ARGV[1], 0, 'MKSTREAM')
  end
  local reply = redis.call('XAUTOCLAIM', log, ARGV[1], ARGV[2], 0, '0-0', 'COUNT', ARGV[3], 'JUSTID')
  if #reply[2] > 0 then
    found[#found + 1] = {log, reply[2]}
  end
end
return found
"""
"""Claim what is pending in each log, and create the group where there is none: one call instead of one per log.

It looks first: naming a group that is not there is an error, which whoever watches the server sees.
"""

Delivered = Mapping[str, Sequence[str]]
"""Per user, the IDs that the group has given us and that are not yet acknowledged."""


class Projector:
    def __init__(self, redis: Redis, store: CartStore, leases: Leases, *, crash_after: float | None = None) -> None:
        self.redis, self.store, self.leases = redis, store, leases
        self._take_over = redis.register_script(TAKE_OVER)
        self._crash = Crash(crash_after, holding=1)
        self._settle_at = self._look_back_at = 0.0

    @property
    def _beat(self) -> float:
        """Seconds between two heartbeats: three fit into a lease."""
        return min(1.0, self.leases.seconds / 3)

    async def run(self, stop: asyncio.Event) -> None:
        """Until the stop; then others may have our carts at once."""
        await keep_going(stop, lambda: self._turn(stop))
        await self.leases.leave()

    async def _turn(self, stop: asyncio.Event) -> None:
        """One step. When the groups are gone (a server that came back empty), begin anew."""
        try:
            await self._step(stop)
        except ResponseError as error:
            if not str(error).startswith(LOST_GROUP):
                raise
            self.leases.held.clear()
            await sleep(stop, self._beat)

    async def _step(self, stop: asyncio.Event) -> None:
        """One after the other, never two at once: what is given back is no longer in hand."""
        if time.monotonic() >= self._settle_at:
            await self._settle()
        if time.monotonic() >= self._look_back_at:
            await self._look_back()
        if self._crash.due():
            await self._crash.with_work_in_hand(self.leases.name, lambda _: self._read(self._beat, stop), stop)
        await self.project(await self._read(self._settle_at - time.monotonic(), stop))

    async def _settle(self) -> None:
        self._settle_at = time.monotonic() + self._beat
        await self.leases.renew()
        new = await self.leases.settle()
        for at in range(0, len(new), TOGETHER):
            await self.adopt(new[at : at + TOGETHER])
            await self.leases.renew()
        if new:
            log.debug("%s holds %d carts, %d of them new", self.leases.name, len(self.leases.held), len(new))

    async def adopt(self, users: Sequence[str]) -> None:
        """Go on where the projector before us stopped, or from the beginning where there was none."""
        await self.project(await self._unfinished(users), also=users)

    async def _look_back(self) -> None:
        """Once in a lease: what a person claimed, or a projector without lease had read; and carts that were wiped."""
        self._look_back_at = time.monotonic() + self.leases.seconds
        held = list(self.leases.held)
        for at in range(0, len(held), TOGETHER):
            users = held[at : at + TOGETHER]
            await self.project(await self._unfinished(users), also=await self.store.unprojected(users))

    async def _unfinished(self, users: Sequence[str]) -> Delivered:
        """What the group gave to anybody and nobody acknowledged. It is ours: the lease counts, not the idle time."""
        logs = {self.store.log_of(user): user for user in users}
        found = await self._take_over(keys=list(logs), args=[GROUP, self.leases.name, PENDING])
        return {logs[log]: ids for log, ids in found}

    async def _read(self, seconds: float, stop: asyncio.Event) -> Delivered:
        """Wait for new events, but not beyond the next heartbeat."""
        users = {self.store.log_of(user): user for user in self.leases.held}
        if not users:
            await sleep(stop, seconds)
            return {}
        found = await self.redis.xreadgroup(
            GROUP, self.leases.name, dict.fromkeys(users, ">"), count=PER_STREAM, block=max(1, int(seconds * 1000))
        )
        return {users[stream]: [id_ for id_, _ in entries] for stream, entries in found}

    async def project(self, delivered: Delivered, also: Sequence[str] = ()) -> None:
        """Bring the carts of these users up to date with their logs and acknowledge what was delivered."""
        users = list({*delivered, *also} & self.leases.held.keys())
        if not users:
            return
        projections = await self.store.load(users)
        await self.store.put_aside(projections)
        for user in await self.store.save(projections, self.leases.held, delivered):
            log.warning("%s was refused: cart %s is another's by now", self.leases.name, user)
            self.leases.held.pop(user)
