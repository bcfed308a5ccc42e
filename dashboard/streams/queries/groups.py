"""One group: its consumers, and its pending entries page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import NotAllowed
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries.base import LOOK_MAX, NOTHING, PAGE_MAX, Command, Query, matching, one_entry, page
from dashboard.streams.queries.behind import behind, doubtful, recounted
from dashboard.streams.queries.steps import ended, step
from dashboard.streams.queries.streams import first_pending, group_facts
from dashboard.streams.replies import (
    Reply,
    consumers,
    each_pending,
    entries,
    facts,
    group_row,
    pending_summary,
    server_ms,
)
from dashboard.streams.snapshots import GroupOverview, Page, PendingEntry


@dataclass(frozen=True)
class GroupQuery(Query[GroupOverview]):
    """One group: six commands in one round trip. Raises Gone or NotAStream."""

    key: bytes
    group: bytes
    can: Capabilities

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        return [
            ("TIME",),
            ("XINFO", "STREAM", self.key),
            ("XINFO", "GROUPS", self.key),
            ("XINFO", "CONSUMERS", self.key, self.group),
            ("XPENDING", self.key, self.group),
            ("XPENDING", self.key, self.group, "-", "+", 1),
        ]

    def parse(self, replies: Sequence[Reply]) -> GroupOverview:
        stream = facts(self.key, replies[1])
        group = group_facts(stream, group_row(replies[2], self.group), self.can)
        return GroupOverview(
            stream=stream,
            group=replace(group, oldest=first_pending(replies[5])),
            consumers=consumers(replies[3]),
            pending=pending_summary(replies[4]),
            now_ms=server_ms(replies[0]),
        )

    def then(self, value: GroupOverview) -> Query[GroupOverview] | None:
        return _Recount(value) if doubtful(value.group) else None


@dataclass(frozen=True)
class _Recount(Query[GroupOverview]):
    """The lag that the server overcounts, by what lies behind the position."""

    found: GroupOverview

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.found.stream.key,)

    def build(self) -> Sequence[Command]:
        return [behind(self.found.stream, self.found.group)]

    def parse(self, replies: Sequence[Reply]) -> GroupOverview:
        return replace(self.found, group=recounted(self.found.stream, self.found.group, replies[0]))


@dataclass(frozen=True)
class PendingQuery(Query[Page[PendingEntry]]):
    """A page of a group's pending entries in ID order, with their payloads when `bodies`.

    XPENDING's own IDLE makes the server walk the whole list, so idle and deliveries are filtered here, over at most
    LOOK_MAX entries a page; `stopped` says so. `limit` at most PAGE_MAX.
    """

    key: bytes
    group: bytes
    start: StreamId = MIN
    end: StreamId = MAX
    consumer: bytes | None = None
    min_idle_ms: int = 0
    min_deliveries: int = 0
    limit: int = 50
    bodies: bool = True

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    @property
    def _filtered(self) -> bool:
        return self.min_idle_ms > 0 or self.min_deliveries > 1

    @property
    def _count(self) -> int:
        return LOOK_MAX if self._filtered else min(self.limit, PAGE_MAX) + 1

    def build(self) -> Sequence[Command]:
        of: Command = () if self.consumer is None else (self.consumer,)
        return [("XPENDING", self.key, self.group, str(self.start), str(self.end), self._count, *of)]

    def parse(self, replies: Sequence[Reply]) -> Page[PendingEntry]:
        looked = each_pending(replies[0])
        found = page(looked, self._matches, min(self.limit, PAGE_MAX), asked=self._count, end=self.end)
        return replace(found, stopped=matching(found, "pending entries")) if found.stopped else found

    def _matches(self, entry: PendingEntry) -> bool:
        released = entry.idle_ms < 0
        return (released or entry.idle_ms >= self.min_idle_ms) and entry.deliveries >= self.min_deliveries

    def then(self, value: Page[PendingEntry]) -> Query[Page[PendingEntry]] | None:
        return Bodies(self.key, value) if self.bodies and value.items else None


@dataclass(frozen=True)
class Bodies(Query[Page[PendingEntry]]):
    """The payloads of a page of pending entries: one XRANGE each, a step in one round trip.

    A body that is gone makes its entry a ghost. The page ends where the payloads weigh what a page may.
    """

    key: bytes
    found: Page[PendingEntry]
    so_far: Page[PendingEntry] = NOTHING

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    @property
    def optional(self) -> bool:
        return bool(self.so_far.items)

    def _next(self, read: Page[PendingEntry]) -> tuple[PendingEntry, ...]:
        at = len(read.items)
        return self.found.items[at : at + step(at, read.weight, PAGE_MAX)]

    def build(self) -> Sequence[Command]:
        return [one_entry(self.key, entry.id) for entry in self._next(self.so_far)]

    def parse(self, replies: Sequence[Reply]) -> Page[PendingEntry]:
        read = tuple(_with_body(e, r) for e, r in zip(self._next(self.so_far), replies, strict=True))
        items = (*self.so_far.items, *read)
        found = replace(self.found, items=items, weight=self.so_far.weight + sum(e.weight for e in read))
        left = self.found.items[len(items) :]
        return replace(found, next=left[0].id, stopped=ended(len(items), found.weight)) if left else found

    def then(self, value: Page[PendingEntry]) -> Query[Page[PendingEntry]] | None:
        return replace(self, so_far=value) if self._next(value) else None


def _with_body(entry: PendingEntry, reply: Reply) -> PendingEntry:
    if isinstance(reply, NotAllowed):
        return entry
    found = entries(reply)
    return replace(entry, fields=found[0].fields, body="present") if found else replace(entry, body="gone")
