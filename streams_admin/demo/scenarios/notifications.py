"""Notifications: one stream, and a group per channel; each group sees everything, and its workers share it.

A channel sends its own kinds and acknowledges the others. The groups know nothing of each other: one that is slow or
down delays nobody else.
"""

from __future__ import annotations

import asyncio
import random
import time

from redis import Redis as SyncRedis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import progress as figures
from streams_admin.demo.scenarios.options import Options, Role
from streams_admin.demo.scenarios.workers.client import ticks
from streams_admin.demo.scenarios.workers.reclaim import Fields
from streams_admin.demo.scenarios.workers.roles import produce_or_work
from streams_admin.demo.scenarios.workers.worker import Habits, Handler, Worker

NAME = "notifications"
STREAM = "user:notifications"
KEYS = ("user:notifications",)
"""What the names of all its keys begin with."""
WRITES = (
    "user:notifications",
    "user:notifications:dlq",
    "user:notifications:sent",
    "user:notifications:handled",
    "user:notifications:sent:*",
)
GROUPS = {"email": "email_notifier_group", "sms": "sms_notifier_group", "push": "push_notifier_group"}
KINDS = {
    "email": ("product_update", "order_shipped", "weekly_digest"),
    "sms": ("security_alert", "order_shipped"),
    "push": ("new_follower", "new_comment"),
}
"""What each channel sends; an order that was shipped is told by two."""
TEXTS = {
    "new_follower": "You have a new follower",
    "new_comment": "Somebody answered you",
    "product_update": "Something you watch has changed",
    "order_shipped": "Your order is on its way",
    "security_alert": "There was a sign-in from a new device",
    "weekly_digest": "Your week in numbers",
}
MAXLEN = 10_000
RATE = 2.0
RECLAIM_AFTER = 30.0
SENT_FOR = 3600
"""Seconds for which a sent message is remembered, so that a second delivery sends nothing."""

SETTLE = """
if ARGV[5] ~= '' and redis.call('SET', KEYS[2], ARGV[3], 'NX', 'EX', ARGV[4]) then
  redis.call('HINCRBY', KEYS[3], ARGV[5], 1)
end
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('HINCRBY', KEYS[4], ARGV[3], 1)
end
"""
"""Remember that it was sent, count it once, and acknowledge: all or nothing. Nothing is sent when ARGV[5] is empty."""


def roles(options: Options) -> list[Role]:
    """A producer, and several workers in each group, named like email-1."""
    numbers = range(1, options.workers_or(2) + 1)
    return [*options.producers(), *(f"{channel}-{n}" for channel in GROUPS for n in numbers)]


async def run(role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None:
    await produce_or_work(role, redis, options, stop, produce=produce, worker=worker)


def worker(name: Role, redis: Redis, options: Options) -> Worker:
    """One worker of a channel. Its group is created at 0, so that it is told everything from the beginning."""
    channel = name.partition("-")[0]
    habits = Habits(
        batch=5,
        reclaim_after=options.reclaim_or(RECLAIM_AFTER),
        give_up_after=options.give_up_after,
        crash_after=options.crash_after if name == "email-2" else None,
        crash_holding=4,
    )
    handle = sender(redis, options, channel, name)
    return Worker(redis, stream=options.key(STREAM), group=GROUPS[channel], name=name, handle=handle, habits=habits)


async def produce(redis: Redis, options: Options, rng: random.Random, stop: asyncio.Event) -> None:
    async for _ in ticks(stop, options.rate_or(RATE)):
        await redis.xadd(options.key(STREAM), notification(rng, options), maxlen=MAXLEN, approximate=True)


def notification(rng: random.Random, options: Options) -> Fields:
    kind = rng.choice(list(TEXTS))
    return {
        "userId": f"user-{rng.randint(1, options.users_or(500))}",
        "type": kind,
        "message": "" if rng.random() < options.poison_rate else TEXTS[kind],
        "timestamp": str(int(time.time() * 1000)),
    }


def sender(redis: Redis, options: Options, channel: str, name: Role) -> Handler:
    """The handler of a worker: sends what is of its kind and settles everything.

    Sending is the one thing that cannot be in the same transaction. What is sent twice, after a crash between the two,
    carries the same entry ID: a provider that is given it as its idempotency key sends it once.
    """
    settle = redis.register_script(SETTLE)
    rng = random.Random()
    stream = options.key(STREAM)

    async def handle(id_: str, fields: Fields) -> None:
        own = fields["type"] in KINDS[channel]
        if own:
            await send(fields, rng.uniform(0.05, 0.3) * options.work_time)
        keys = [stream, f"{stream}:sent:{channel}:{id_}", f"{stream}:sent", f"{stream}:handled"]
        await settle(keys=keys, args=[GROUPS[channel], id_, name, SENT_FOR, channel if own else ""])

    return handle


async def send(fields: Fields, seconds: float) -> None:
    """Stands for the provider's API. Raises ValueError when there is nothing to send."""
    if not fields["message"]:
        raise ValueError("the message is empty")
    await asyncio.sleep(seconds)


def progress(client: SyncRedis, options: Options) -> str:
    return figures.of_stream(client, options.key(STREAM))
