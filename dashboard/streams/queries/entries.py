"""Entries: a page of them, one of them and where it is in every group, new ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries.base import (
    DETAIL_MAX,
    LOOK_MAX,
    NOTHING,
    PAGE_MAX,
    Command,
    Query,
    matching,
    one_entry,
    page,
)
from dashboard.streams.queries.steps import step, takes_long
from dashboard.streams.queries.streams import first_pending
from dashboard.streams.replies import Reply, Row, each_entry, entries, facts, need, rows, server_ms
from dashboard.streams.snapshots import Delivery, Entry, EntryWhereabouts, Page


@dataclass(frozen=True)
class EntryRange(Query[Page[Entry]]):
    """Entries from `start` to `end` inclusive, oldest first, or newest first when `newest_first`, read in steps.

    The page ends where they weigh what a page may; `stopped` says so, and of a single step (in Together) too.
    `keep` filters, over at most LOOK_MAX entries a page. Asked about a missing key it is empty, like XRANGE.
    `first`: the stream's first ID, where it is known. Asked for what is older, Redis walks the whole stream in vain.
    `so_far`: what the steps before have read.
    """

    key: bytes
    start: StreamId = MIN
    end: StreamId = MAX
    newest_first: bool = False
    limit: int = 50
    keep: Callable[[Entry], bool] | None = None
    first: StreamId | None = None
    so_far: Page[Entry] = NOTHING

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    @property
    def optional(self) -> bool:
        return self.so_far.scanned > 0

    @property
    def _in_vain(self) -> bool:
        return self.newest_first and self.first is not None and self.end < self.first

    @property
    def _most(self) -> int:
        return LOOK_MAX if self.keep else min(self.limit, PAGE_MAX) + 1

    def _count(self, read: Page[Entry]) -> int:
        return step(read.scanned, read.weight, self._most - read.scanned)

    def build(self) -> Sequence[Command]:
        if self._in_vain:
            return []
        count = self._count(self.so_far)
        if self.newest_first:
            return [("XREVRANGE", self.key, str(self.end), str(self.start), "COUNT", count)]
        return [("XRANGE", self.key, str(self.start), str(self.end), "COUNT", count)]

    def parse(self, replies: Sequence[Reply]) -> Page[Entry]:
        began = time.perf_counter()
        found = page(
            each_entry([] if self._in_vain else replies[0]),
            self.keep,
            min(self.limit, PAGE_MAX),
            asked=self._count(self.so_far),
            end=self.start if self.newest_first else self.end,
            so_far=self.so_far,
            onward=StreamId.prev if self.newest_first else StreamId.next,
        )
        found = replace(found, seconds=self.so_far.seconds + time.perf_counter() - began)
        return replace(found, stopped=self._stopped(found)) if found.stopped else found

    def _stopped(self, found: Page[Entry]) -> str:
        if self.keep is None:
            return found.stopped
        looked = matching(found, "entries")
        return looked if found.scanned >= LOOK_MAX else f"{looked} {takes_long(found.seconds) or found.stopped}"

    def then(self, value: Page[Entry]) -> Query[Page[Entry]] | None:
        """What stopped only because the step ended goes on."""
        if value.next is None or not value.stopped or not self._count(value):
            return None
        if self.keep and takes_long(value.seconds):
            return None
        if self.newest_first:
            return replace(self, end=value.next, so_far=value)
        return replace(self, start=value.next, so_far=value)


@dataclass(frozen=True)
class EntryQuery(Query[EntryWhereabouts]):
    """One entry, its neighbours, and where it is in every group. Two round trips. Raises Gone or NotAStream.

    An entry whose body is gone is still found while a group has it pending.
    """

    key: bytes
    id: StreamId
    can: Capabilities

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        return [
            ("TIME",),
            ("XINFO", "STREAM", self.key),
            ("XINFO", "GROUPS", self.key),
            one_entry(self.key, self.id),
            ("XRANGE", self.key, str(self.id.next()), "+", "COUNT", 1),
        ]

    def parse(self, replies: Sequence[Reply]) -> EntryWhereabouts:
        stream = facts(self.key, replies[1])
        body = entries(replies[3])
        return EntryWhereabouts(
            id=self.id,
            entry=body[0] if body else None,
            deliveries=tuple(_position(r, self.id) for r in rows(replies[2])[:DETAIL_MAX]),
            older=None,
            newer=_neighbour(replies[4], self.id),
            stream=stream,
            now_ms=server_ms(replies[0]),
        )

    def then(self, value: EntryWhereabouts) -> Query[EntryWhereabouts]:
        return _Deliveries(self.key, value)


@dataclass(frozen=True)
class _Deliveries(Query[EntryWhereabouts]):
    key: bytes
    found: EntryWhereabouts

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        at = str(self.found.id)
        held: list[Command] = [("XPENDING", self.key, d.group, at, at, 1) for d in self.found.deliveries]
        older = ("XREVRANGE", self.key, str(self.found.id.prev()), "-", "COUNT", 1)
        return [*held, older] if self._has_older else held

    @property
    def _has_older(self) -> bool:
        """Asked for what is below the first entry, Redis walks the whole stream in vain."""
        first = self.found.stream.first_id
        return first is not None and first < self.found.id

    def parse(self, replies: Sequence[Reply]) -> EntryWhereabouts:
        deliveries = tuple(_delivery(d, r) for d, r in zip(self.found.deliveries, replies, strict=False))
        if self.found.entry is None and not any(d.pending for d in deliveries):
            raise Gone(
                f"The entry {self.found.id} does not exist: it was never added, or has been trimmed or deleted.",
                "entry",
            )
        older = _neighbour(replies[-1], self.found.id) if self._has_older else None
        return replace(self.found, deliveries=deliveries, older=older)


@dataclass(frozen=True)
class TailRead(Query[dict[bytes, tuple[Entry, ...]]]):
    """XREAD over some watched streams: what came after each cursor. Empty after `block_ms` without news; 0: at once."""

    cursors: tuple[tuple[bytes, StreamId], ...]
    block_ms: int
    count: int

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(key for key, _ in self.cursors)

    def split(self, parts: Iterable[tuple[bytes, ...]]) -> list[TailRead]:
        """The same read as several that do not block, one for each group of keys."""
        after = dict(self.cursors)
        return [TailRead(tuple((key, after[key]) for key in part), 0, self.count) for part in parts]

    def build(self) -> Sequence[Command]:
        after = [str(cursor) for _, cursor in self.cursors]
        block: Command = ("BLOCK", self.block_ms) if self.block_ms else ()
        return [("XREAD", "COUNT", self.count, *block, "STREAMS", *self.keys, *after)]

    def parse(self, replies: Sequence[Reply]) -> dict[bytes, tuple[Entry, ...]]:
        return {key: entries(found) for key, found in need(replies[0]) or ()}


def _position(found: Row, id_: StreamId) -> Delivery:
    read = StreamId.parse(found[b"last-delivered-id"]) >= id_
    return Delivery(found[b"name"], "settled" if read else "undelivered")


def _delivery(delivery: Delivery, reply: Reply) -> Delivery:
    pending = first_pending(reply)
    return replace(delivery, state="pending", pending=pending) if pending else delivery


def _neighbour(reply: Reply, id_: StreamId) -> StreamId | None:
    found = entries(reply)
    return found[0].id if found and found[0].id != id_ else None
