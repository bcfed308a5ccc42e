"""A large world on a real server, seeded in seconds: one long stream with a long pending list, and many small streams.

Used by the tests that count commands and by the benchmarks, so that both speak of the same thing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import redis

STREAM, GROUP, DONE = b"orders:new", b"order_processors", b"audit"
"""DONE is a group of the same stream that has read everything and holds nothing."""
SPACING_MS = 20
"""Between two entries: a million of them reach back about six hours."""
IDLE_MS = 900_000
"""How long ago every pending entry was delivered."""
DELIVERIES = 3
"""How often."""
STEP = 50_000
"""Entries one script adds: well below the time after which a server calls a script slow."""
READ = 4_000
"""Entries one script hands out: no more arguments fit into a call."""

_ADD = """
local key, first, count, at = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 0, count - 1 do
  redis.call('XADD', key, string.format('%.0f-0', at + i * tonumber(ARGV[4])),
    'order', 'A-' .. (first + i), 'customer', 'customer-' .. ((first + i) % 9973),
    'status', 'paid', 'total', (first + i) % 500 .. '.90')
end
"""
_READ = """
local found = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>')
local ids = {}
for i, entry in ipairs(found[1][2]) do ids[i] = entry[1] end
local words = {KEYS[1], ARGV[1], ARGV[2], 0}
for _, id in ipairs(ids) do words[#words + 1] = id end
words[#words + 1] = 'IDLE'
words[#words + 1] = ARGV[4]
words[#words + 1] = 'RETRYCOUNT'
words[#words + 1] = ARGV[5]
words[#words + 1] = 'JUSTID'
redis.call('XCLAIM', unpack(words))
return #ids
"""


@dataclass(frozen=True)
class World:
    """How much of everything there is. `small`: streams beside the long one, every tenth with a group."""

    entries: int
    pending: int
    consumers: int
    small: int


LARGE = World(entries=1_000_000, pending=200_000, consumers=50, small=3_000)
SMALL = World(entries=2_500, pending=200, consumers=4, small=120)
"""Small, but every page of it is full."""


def seed(client: redis.Redis, world: World) -> None:
    """Everything of `world` on an empty server: about ten seconds for the large one."""
    add(client, STREAM, world.entries)
    client.xgroup_create(STREAM, DONE, "$")
    hand_out(client, STREAM, GROUP, world.pending, world.consumers)
    for chunk in _chunks(world.small, 500):
        with client.pipeline(transaction=False) as pipe:
            for number in chunk:
                _small(pipe, number)
            pipe.execute()


def add(client: redis.Redis, key: bytes, entries: int) -> None:
    """Entries at even distances, the last one a moment ago."""
    begin = int(time.time() * 1000) - entries * SPACING_MS
    for chunk in _chunks(entries, STEP):
        client.eval(_ADD, 1, key, chunk.start, len(chunk), begin + chunk.start * SPACING_MS, SPACING_MS)


def hand_out(client: redis.Redis, key: bytes, group: bytes, pending: int, consumers: int) -> None:
    """The first `pending` entries to a new group, in turn to each consumer, DELIVERIES times, IDLE_MS ago."""
    client.xgroup_create(key, group, "0")
    for turn, chunk in enumerate(_chunks(pending, min(READ, -(-pending // consumers)))):
        client.eval(_READ, 1, key, group, f"worker-{turn % consumers:02}", len(chunk), IDLE_MS, DELIVERIES)


def _small(pipe: redis.client.Pipeline, number: int) -> None:
    key = f"tenant-{number % 10}:events:{number:04}"
    pipe.xadd(key, {"n": number, "kind": "small"})
    if number % 10 == 0:
        pipe.xgroup_create(key, "readers", "0")


def _chunks(total: int, size: int) -> Iterator[range]:
    return (range(at, min(at + size, total)) for at in range(0, total, size))
