"""An independent reader: what is on the server by plain commands, and which of it each request of a runner has changed.

It uses nothing of the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

KEY, COPY, DLQ, GROUP = b"orders", b"orders:again", b"orders:dlq", b"billing"
WORKER, HERO, THIEF, SPARE = b"worker-1", b"hero", b"worker-2", b"spare"

Held = tuple[bytes, int, int]
"""Consumer, deliveries, idle time in ms."""
Effect = tuple[str, str]
"""What was done, and to which entry: by its number, or "" where it is about no entry."""
RESET_MS = 60_000
"""An idle time that falls by more than this was set."""


@dataclass(frozen=True)
class Look:
    """The server at one moment. Entries by ID: the number that each carries; copies with the number of their origin."""

    source: dict[bytes, str] = field(default_factory=dict)
    pending: dict[bytes, Held] = field(default_factory=dict)
    copies: dict[tuple[bytes, bytes], str] = field(default_factory=dict)
    groups: dict[bytes, bytes] = field(default_factory=dict)
    consumers: frozenset[bytes] = frozenset()
    exists: bool = False


def look(client: redis.Redis) -> Look:
    source = _entries(client, KEY)
    copies = {(key, id_): number for key in (COPY, DLQ) for id_, number in _entries(client, key).items()}
    groups, exists = _groups(client), bool(client.exists(KEY))
    if GROUP not in groups:
        return Look(source, {}, copies, groups, exists=exists)
    rows = client.xpending_range(KEY, GROUP, "-", "+", 1000)
    pending = {r["message_id"]: (r["consumer"], r["times_delivered"], r["time_since_delivered"]) for r in rows}
    consumers = frozenset(c["name"] for c in client.xinfo_consumers(KEY, GROUP))
    return Look(source, pending, copies, groups, consumers, exists)


def _entries(client: redis.Redis, key: bytes) -> dict[bytes, str]:
    if client.type(key) != b"stream":
        return {}
    return {id_: fields[b"n"].decode() for id_, fields in client.xrange(key)}


def _groups(client: redis.Redis) -> dict[bytes, bytes]:
    if client.type(KEY) != b"stream":
        return {}
    return {g["name"]: g["last-delivered-id"] for g in client.xinfo_groups(KEY)}


def effects(before: Look, after: Look) -> Iterator[Effect]:
    """What somebody did between two looks."""
    yield from (("copied", number) for at, number in after.copies.items() if at not in before.copies)
    yield from (("uncopied", number) for at, number in before.copies.items() if at not in after.copies)
    yield from (("deleted", number) for id_, number in before.source.items() if id_ not in after.source)
    yield from (("added", number) for id_, number in after.source.items() if id_ not in before.source)
    for id_, held in before.pending.items():
        now = after.pending.get(id_)
        number = before.source.get(id_, id_.split(b"-")[0].decode())
        if now is None:
            yield "acknowledged", number
        elif now[:2] != held[:2] or abs(now[2] - held[2]) > RESET_MS:
            yield "claimed", number
    yield from (("given", id_.split(b"-")[0].decode()) for id_ in after.pending if id_ not in before.pending)
    yield from (("destroyed", "") for name in before.groups if name not in after.groups)
    yield from (("created", "") for name in after.groups if name not in before.groups)
    yield from (("moved", "") for name, at in before.groups.items() if after.groups.get(name, at) != at)
    yield from [("removed", "")] if before.exists and not after.exists else []
    yield from (("dismissed", "") for name in before.consumers - after.consumers if GROUP in after.groups)
    yield from (("registered", "") for name in after.consumers - before.consumers if name != HERO)


class Ledger:
    """What the product has done to the servers, all of it: its requests alone are watched."""

    def __init__(self, *clients: redis.Redis) -> None:
        self._clients = clients
        self.done: list[Counter[Effect]] = [Counter() for _ in clients]

    @contextmanager
    def watched(self) -> Iterator[None]:
        before = [look(client) for client in self._clients]
        try:
            yield
        finally:
            for client, then, done in zip(self._clients, before, self.done, strict=True):
                done.update(effects(then, look(client)))

    @property
    def total(self) -> int:
        return sum(done.total() for done in self.done)

    def count(self, kind: str, number: str) -> int:
        return self.done[0][kind, number]

    def of(self, kind: str) -> Counter[str]:
        return Counter({number: count for (what, number), count in self.done[0].items() if what == kind})


def raw(client: redis.Redis, *words: Any) -> Any:
    return client.execute_command(*words)
