"""One group: its consumers, and its pending entries page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import NotAllowed
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries.base import LOOK_MAX, NOTHING, PAGE_MAX, Command, Query, matching, one_entry, page
from dashboard.streams.queries.behind import behind, doubtful, recounted
from dashboard.streams.queries.steps import ended, step, takes_long
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

LOOK_BODIES = PAGE_MAX
"""Payloads that a filter looks into for one page: each is a command of its own."""


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
    LOOK_MAX entries a page; `stopped` says so. `limit` at most PAGE_MAX. `keep` filters by payload, over at most
    LOOK_BODIES of those.
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
    keep: Callable[[PendingEntry], bool] | None = None

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    @property
    def _filtered(self) -> bool:
        return self.min_idle_ms > 0 or self.min_deliveries > 1

    @property
    def _most(self) -> int:
        return LOOK_BODIES if self.keep else min(self.limit, PAGE_MAX)

    @property
    def _count(self) -> int:
        return LOOK_MAX if self._filtered else self._most + 1

    def build(self) -> Sequence[Command]:
        of: Command = () if self.consumer is None else (self.consumer,)
        return [("XPENDING", self.key, self.group, str(self.start), str(self.end), self._count, *of)]

    def parse(self, replies: Sequence[Reply]) -> Page[PendingEntry]:
        looked = each_pending(replies[0])
        found = page(looked, self._matches, self._most, asked=self._count, end=self.end)
        return replace(found, stopped=matching(found, "pending entries")) if found.stopped else found

    def _matches(self, entry: PendingEntry) -> bool:
        released = entry.idle_ms < 0
        return (released or entry.idle_ms >= self.min_idle_ms) and entry.deliveries >= self.min_deliveries

    def then(self, value: Page[PendingEntry]) -> Query[Page[PendingEntry]] | None:
        if not value.items or not (self.bodies or self.keep):
            return None
        return Bodies(self.key, value, self.keep, min(self.limit, PAGE_MAX))


@dataclass(frozen=True)
class Bodies(Query[Page[PendingEntry]]):
    """The payloads of a page of pending entries: one XRANGE each, a step in one round trip.

    A body that is gone makes its entry a ghost. The page ends where the payloads weigh what a page may. With `keep` it
    has those whose payload matches, at most `limit`; a body that is gone matches nothing, and one that may not be read
    raises NotAllowed. `so_far`: what the steps before have made of the first `read` entries.
    """

    key: bytes
    found: Page[PendingEntry]
    keep: Callable[[PendingEntry], bool] | None = None
    limit: int = PAGE_MAX
    so_far: Page[PendingEntry] = NOTHING
    read: int = 0

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    @property
    def optional(self) -> bool:
        return self.read > 0

    @property
    def _step(self) -> tuple[PendingEntry, ...]:
        return self.found.items[self.read : self.read + step(self.read, self.so_far.weight, PAGE_MAX)]

    def build(self) -> Sequence[Command]:
        return [one_entry(self.key, entry.id) for entry in self._step]

    def parse(self, replies: Sequence[Reply]) -> Page[PendingEntry]:
        began = time.perf_counter()
        bodies = [self._with_body(entry, reply) for entry, reply in zip(self._step, replies, strict=True)]
        items = (*self.so_far.items, *filter(self._matches, bodies))
        weight = self.so_far.weight + sum(entry.weight for entry in bodies)
        left = self.found.items[self.read + len(bodies) :]
        seconds = self.so_far.seconds + time.perf_counter() - began
        found = replace(self.found, items=items, weight=weight, seconds=seconds)
        if left:
            why = takes_long(seconds) if self.keep else ""
            found = replace(found, next=left[0].id, stopped=why or ended(self.read + len(bodies), weight))
        return self._described(found, self.read + len(bodies), left) if self.keep else found

    def _described(self, found: Page[PendingEntry], read: int, left: Sequence[PendingEntry]) -> Page[PendingEntry]:
        """As a list that was looked through: how far, and a full page has no reason to have stopped."""
        if len(found.items) > self.limit:
            onward = found.items[self.limit].id
            return replace(found, items=found.items[: self.limit], next=onward, scanned=read, stopped="")
        one_too_many = bool(self.found.next and not self.found.stopped)  # listed, and left to the next page
        looked = replace(found, scanned=read if left else found.scanned - one_too_many)
        said = f"{matching(looked, 'pending entries')} {found.stopped if left else ''}".strip()
        return replace(looked, stopped=said if found.next else "")

    def _with_body(self, entry: PendingEntry, reply: Reply) -> PendingEntry:
        if isinstance(reply, NotAllowed):
            if self.keep:
                raise reply
            return entry
        found = entries(reply)
        return replace(entry, fields=found[0].fields, body="present") if found else replace(entry, body="gone")

    def _matches(self, entry: PendingEntry) -> bool:
        return self.keep is None or (entry.body == "present" and self.keep(entry))

    def then(self, value: Page[PendingEntry]) -> Query[Page[PendingEntry]] | None:
        is_full = bool(self.keep and value.next and not value.stopped)
        is_over = is_full or bool(self.keep and takes_long(value.seconds))
        onward = replace(self, so_far=value, read=self.read + len(self._step))
        return onward if onward._step and not is_over else None
