"""Carts in Redis: the log of events, the projection, and how far it has got.

All keys of a cart are written in one script, so in a Redis Cluster they would need a hash tag (`cart:{7}:events`) and
leases of their own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from redis.asyncio import Redis

from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.store import fold
from streams_admin.demo.scenarios.workers.reclaim import Fields

log = logging.getLogger("scenario")

GROUP = "cart_projectors"
PAGE = 500
"""Events read from one log at a time."""
DEAD_LETTERS = 10_000

WRITE = """
local refused = {}
for n, given in ipairs(cjson.decode(ARGV[2])) do
  local user, lease, last, settled, pairs = unpack(given)
  local cart, log = KEYS[1 + 2 * n], KEYS[2 + 2 * n]
  if redis.call('HGET', KEYS[1], user) ~= lease then
    refused[#refused + 1] = user
  else
    redis.call('DEL', cart)
    for at = 1, #pairs, 1000 do
      redis.call('HSET', cart, unpack(pairs, at, math.min(at + 999, #pairs)))
    end
    if last ~= '' then
      redis.call('HSET', KEYS[2], user, last)
    end
    for _, id in ipairs(settled) do
      redis.call('XACK', log, ARGV[1], id)
    end
  end
end
return refused
"""
"""The fence: without the lease in force nothing is written, and the user is returned. Else cart, position and
acknowledgements, all or nothing.

KEYS: leases, positions, then cart and log of each user. ARGV: the group, and as JSON of each user: the name, the lease,
the last ID applied ("" when none was), the IDs to acknowledge, items and quantities in turn."""

PUT_ASIDE = """
if redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1]) == 1 then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3] - 1)
end
"""
"""Copy an event once, however often its cart is rebuilt."""


@dataclass
class Projection:
    """A cart and the ID of the last event applied to it; "" when nothing was."""

    cart: fold.Cart = field(default_factory=dict)
    applied: str = ""
    refused: list[Fields] = field(default_factory=list)
    """Events that nobody understands."""

    def take(self, events: Sequence[tuple[str, Fields]]) -> None:
        for id_, event in events:
            try:
                fold.apply(self.cart, event)
            except ValueError as error:
                self.refused.append({**event, "origin_id": id_, "reason": str(error)})
        self.applied = events[-1][0] if events else self.applied


class CartStore:
    def __init__(self, redis: Redis, options: Options) -> None:
        self.redis, self.options = redis, options
        self._applied = options.key("cart:applied")
        self._leases = options.key("cart:leases")
        self._write, self._copy = redis.register_script(WRITE), redis.register_script(PUT_ASIDE)

    def log_of(self, user: str) -> str:
        return self.options.key(f"cart:events:{user}")

    def cart_of(self, user: str) -> str:
        return self.options.key(f"cart:current:{user}")

    async def unprojected(self, users: Sequence[str]) -> list[str]:
        """Of these, the ones of which the store knows nothing: new, or wiped."""
        known = await self.redis.hmget(self._applied, users) if users else []
        return [user for user, id_ in zip(users, known, strict=True) if id_ is None]

    async def load(self, users: Sequence[str]) -> dict[str, Projection]:
        """The carts as they stand, brought up to date with their logs; from the beginning where nothing is known."""
        found = await self._stored(users)
        behind = list(users)
        while behind:
            pages = await self._read_on({user: found[user].applied for user in behind})
            for user, events in pages.items():
                found[user].take(events)
            behind = [user for user, events in pages.items() if len(events) == PAGE]
        return found

    async def _stored(self, users: Sequence[str]) -> dict[str, Projection]:
        applied = dict(zip(users, await self.redis.hmget(self._applied, users), strict=True))
        known = [user for user in users if applied[user]]
        async with self.redis.pipeline(transaction=False) as pipe:
            for user in known:
                pipe.hgetall(self.cart_of(user))
            carts = dict(zip(known, await pipe.execute(), strict=True))
        return {user: self._projection(carts.get(user, {}), applied[user] or "") for user in users}

    def _projection(self, cart: Mapping[str, str], applied: str) -> Projection:
        return Projection({item: int(quantity) for item, quantity in cart.items()}, applied)

    async def _read_on(self, after: Mapping[str, str]) -> dict[str, list[tuple[str, Fields]]]:
        async with self.redis.pipeline(transaction=False) as pipe:
            for user, id_ in after.items():
                pipe.xrange(self.log_of(user), min=f"({id_}" if id_ else "-", count=PAGE)
            return dict(zip(after, await pipe.execute(), strict=True))

    async def save(
        self, projections: Mapping[str, Projection], leases: Mapping[str, str], settled: Mapping[str, Sequence[str]]
    ) -> list[str]:
        """Write carts and positions, acknowledge `settled`. The users whose lease was no longer in force."""
        keys = [self._leases, self._applied]
        rows: list[object] = []
        for user, projection in projections.items():
            keys += [self.cart_of(user), self.log_of(user)]
            pairs = list(chain(*projection.cart.items()))
            rows.append([user, leases[user], projection.applied, settled.get(user, ()), pairs])
        refused: list[str] = await self._write(keys=keys, args=[GROUP, _json(rows)])
        return refused

    async def put_aside(self, projections: Mapping[str, Projection]) -> None:
        """Copy what nobody understands to the dead-letter stream. In a log it cannot wait: the next event is due."""
        refused = [(user, event) for user, projection in projections.items() for event in projection.refused]
        if not refused:
            return
        async with self.redis.pipeline(transaction=False) as pipe:
            for user, event in refused:
                log.warning("cart %s: %s does not count (%s)", user, event["origin_id"], event["reason"])
                await self._queue_copy(pipe, {**event, "origin_stream": self.log_of(user), "origin_group": GROUP})
            await pipe.execute()

    async def _queue_copy(self, pipe: Redis, event: Fields) -> None:
        dead_letters = self.options.key("cart:dlq")
        milliseconds = event["origin_id"].partition("-")[0]
        told = [part for pair in event.items() for part in pair]
        args = [f"{event['origin_stream']} {event['origin_id']}", milliseconds, DEAD_LETTERS, *told]
        await self._copy(keys=[f"{dead_letters}:known", dead_letters], args=args, client=pipe)


def _json(value: object) -> str:
    """As the bytes that came, also where they are no UTF-8."""
    return json.dumps(value, ensure_ascii=False)
