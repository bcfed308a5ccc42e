"""What fails again and again goes to a stream of its own, where people look at it, and no longer into a worker."""

from __future__ import annotations

import logging

from redis.asyncio import Redis

log = logging.getLogger("scenario")

MAXLEN = 10_000

PUT_ASIDE = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
  return 0
end
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
if found[1] then
  local fields = found[1][2]
  for i = 4, #ARGV do
    fields[#fields + 1] = ARGV[i]
  end
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(fields))
end
return 1
"""
"""Acknowledge and copy, all or nothing: of two who try, one gets 1 from XACK, and only that one copies. What was a
body of bytes with repeated fields stays one."""


class DeadLetters:
    """The dead-letter stream of one group: `<stream>:dlq`."""

    def __init__(self, redis: Redis, stream: str, group: str, give_up_after: int) -> None:
        self.redis, self.stream, self.group, self.give_up_after = redis, stream, group, give_up_after
        self._script = redis.register_script(PUT_ASIDE)

    async def put_aside(self, consumer: str, ids: list[str]) -> set[str]:
        """Of entries that were just delivered to `consumer` once more: move those that had all their deliveries."""
        hopeless = {id_: n - 1 for id_, n in (await self._deliveries(consumer, ids)).items() if n > self.give_up_after}
        for id_, deliveries in hopeless.items():
            await self._move(consumer, id_, deliveries)
        return set(hopeless)

    async def _deliveries(self, consumer: str, ids: list[str]) -> dict[str, int]:
        """How often each was delivered, this time included; only what `consumer` still holds."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.xpending_range(self.stream, self.group, id_, id_, 1, consumer)
            found = await pipe.execute() if ids else []
        return {row["message_id"]: row["times_delivered"] for rows in found for row in rows}

    async def _move(self, consumer: str, id_: str, deliveries: int) -> None:
        origin = {
            "origin_stream": self.stream,
            "origin_id": id_,
            "origin_group": self.group,
            "origin_consumer": consumer,
            "deliveries": str(deliveries),
        }
        told = [part for pair in origin.items() for part in pair]
        await self._script(keys=[self.stream, f"{self.stream}:dlq"], args=[self.group, id_, MAXLEN, *told])
        log.info("%s put %s aside after %d deliveries", consumer, id_, deliveries)
