"""Every read of a watched server, without I/O: `build()` says what to ask, `parse()` makes a value of the replies.

All commands of one query travel in one pipeline. A query that needs a second look returns the next query from `then()`.
Each command here is bounded: by COUNT, or by what it describes (one stream, its groups, one group's consumers). Entries
are fetched in steps, so that their weight is bounded too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone, NotAllowed, StreamError
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.lag import lag
from dashboard.streams.replies import (
    Reply,
    Row,
    consumers,
    each_entry,
    each_pending,
    entries,
    facts,
    group_row,
    memory,
    need,
    pending_entries,
    pending_summary,
    rows,
    server_ms,
)
from dashboard.streams.snapshots import (
    Delivery,
    Entry,
    EntryWhereabouts,
    Figure,
    GroupFacts,
    GroupOverview,
    Page,
    PendingEntry,
    StreamFacts,
    StreamOverview,
)
from dashboard.streams.steps import PAGE_BYTES, ended, step

T = TypeVar("T")
Command = tuple[bytes | str | int, ...]

PAGE_MAX = 500
"""The largest COUNT any page asks for."""
LOOK_MAX = 2000
"""How many pending entries or entries one filtered page looks at before it stops and says so."""
GROUPS_MAX = 50
"""Groups of one stream or deliveries of one entry that are looked into; more are counted, not shown."""
NOTHING: Page[Any] = Page(())


class Query(Generic[T]):
    """One read. Subclasses are frozen dataclasses of its parameters."""

    def build(self) -> Sequence[Command]:
        raise NotImplementedError

    def parse(self, replies: Sequence[Reply]) -> T:
        raise NotImplementedError

    def then(self, value: T) -> Query[T] | None:
        """What to ask next to complete `value`; None when it is complete."""
        return None

    @property
    def optional(self) -> bool:
        """Whether what was read before is an answer already: then this is left out when no time is left."""
        return False


def fitting(limit: int, entry_bytes: int) -> int:
    """How many entries of about `entry_bytes` a page of `limit` may fetch: the byte budget as a count."""
    return max(1, min(limit, PAGE_MAX, PAGE_BYTES // max(entry_bytes, 1)))


@dataclass(frozen=True)
class ScanStreams(Query[tuple[int, tuple[bytes, ...]]]):
    """One step of SCAN: the next cursor (0: done) and the stream keys it met. Keys may come twice."""

    cursor: int = 0
    count: int = 1000
    match: bytes | None = None

    def build(self) -> Sequence[Command]:
        pattern: Command = ("MATCH", self.match) if self.match else ()
        return [("SCAN", self.cursor, *pattern, "COUNT", self.count, "TYPE", "stream")]

    def parse(self, replies: Sequence[Reply]) -> tuple[int, tuple[bytes, ...]]:
        cursor, keys = need(replies[0])
        return int(cursor), tuple(keys)


@dataclass(frozen=True)
class StreamQuery(Query[StreamOverview]):
    """A stream, its groups, and per group its oldest pending entry (the lowest ID, as XPENDING counts).

    Two round trips: TIME, XINFO STREAM, XINFO GROUPS (and MEMORY USAGE when `memory`), then one XPENDING per group
    that holds something. Raises Gone or NotAStream.
    """

    key: bytes
    can: Capabilities
    memory: bool = False

    def build(self) -> Sequence[Command]:
        asked: list[Command] = [("TIME",), ("XINFO", "STREAM", self.key), ("XINFO", "GROUPS", self.key)]
        return [*asked, ("MEMORY", "USAGE", self.key, *self.can.memory_samples)] if self.memory else asked

    def parse(self, replies: Sequence[Reply]) -> StreamOverview:
        stream = facts(self.key, replies[1], replies[3] if self.memory else None)
        found = rows(replies[2])
        groups = tuple(group_facts(stream, r, self.can) for r in found[:GROUPS_MAX])
        return StreamOverview(stream, groups, server_ms(replies[0]), groups_cut=len(found) - len(groups))

    def then(self, value: StreamOverview) -> Query[StreamOverview] | None:
        return _OldestPerGroup(self.key, value) if any(g.pending for g in value.groups) else None


@dataclass(frozen=True)
class _OldestPerGroup(Query[StreamOverview]):
    key: bytes
    found: StreamOverview

    def build(self) -> Sequence[Command]:
        return [("XPENDING", self.key, g.name, "-", "+", 1) for g in self.found.groups if g.pending]

    def parse(self, replies: Sequence[Reply]) -> StreamOverview:
        answers = iter(replies)
        groups = tuple(replace(g, oldest=_first(next(answers))) if g.pending else g for g in self.found.groups)
        return replace(self.found, groups=groups)


@dataclass(frozen=True)
class FactsQuery(Query[StreamFacts]):
    """A stream without its groups, one command. Raises Gone or NotAStream."""

    key: bytes

    def build(self) -> Sequence[Command]:
        return [("XINFO", "STREAM", self.key)]

    def parse(self, replies: Sequence[Reply]) -> StreamFacts:
        return facts(self.key, replies[0])


@dataclass(frozen=True)
class MemoryQuery(Query[dict[bytes, Figure]]):
    """What each of at most PAGE_MAX streams weighs, one MEMORY USAGE each; unknown with the reason where refused."""

    keys: tuple[bytes, ...]
    can: Capabilities

    def build(self) -> Sequence[Command]:
        return [("MEMORY", "USAGE", key, *self.can.memory_samples) for key in self.keys[:PAGE_MAX]]

    def parse(self, replies: Sequence[Reply]) -> dict[bytes, Figure]:
        return {key: memory(reply) for key, reply in zip(self.keys, replies, strict=False)}


@dataclass(frozen=True)
class GroupQuery(Query[GroupOverview]):
    """One group: six commands in one round trip. Raises Gone or NotAStream."""

    key: bytes
    group: bytes
    can: Capabilities

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
            group=replace(group, oldest=_first(replies[5])),
            consumers=consumers(replies[3]),
            pending=pending_summary(replies[4]),
            now_ms=server_ms(replies[0]),
        )


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
        return replace(found, stopped=_matching(found, "pending entries")) if found.stopped else found

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
    def optional(self) -> bool:
        return bool(self.so_far.items)

    def _next(self, read: Page[PendingEntry]) -> tuple[PendingEntry, ...]:
        at = len(read.items)
        return self.found.items[at : at + step(at, read.weight, PAGE_MAX)]

    def build(self) -> Sequence[Command]:
        return [_one(self.key, entry.id) for entry in self._next(self.so_far)]

    def parse(self, replies: Sequence[Reply]) -> Page[PendingEntry]:
        read = tuple(_with_body(e, r) for e, r in zip(self._next(self.so_far), replies, strict=True))
        items = (*self.so_far.items, *read)
        found = replace(self.found, items=items, weight=self.so_far.weight + sum(e.weight for e in read))
        left = self.found.items[len(items) :]
        return replace(found, next=left[0].id, stopped=ended(len(items), found.weight)) if left else found

    def then(self, value: Page[PendingEntry]) -> Query[Page[PendingEntry]] | None:
        return replace(self, so_far=value) if self._next(value) else None


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
        found = page(
            each_entry([] if self._in_vain else replies[0]),
            self.keep,
            min(self.limit, PAGE_MAX),
            asked=self._count(self.so_far),
            end=self.start if self.newest_first else self.end,
            so_far=self.so_far,
            onward=StreamId.prev if self.newest_first else StreamId.next,
        )
        return replace(found, stopped=self._stopped(found)) if found.stopped else found

    def _stopped(self, found: Page[Entry]) -> str:
        if self.keep is None:
            return found.stopped
        looked = _matching(found, "entries")
        return looked if found.scanned >= LOOK_MAX else f"{looked} {found.stopped}"

    def then(self, value: Page[Entry]) -> Query[Page[Entry]] | None:
        """What stopped only because the step ended goes on."""
        if value.next is None or not value.stopped or not self._count(value):
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

    def build(self) -> Sequence[Command]:
        return [
            ("TIME",),
            ("XINFO", "STREAM", self.key),
            ("XINFO", "GROUPS", self.key),
            _one(self.key, self.id),
            ("XRANGE", self.key, str(self.id.next()), "+", "COUNT", 1),
        ]

    def parse(self, replies: Sequence[Reply]) -> EntryWhereabouts:
        stream = facts(self.key, replies[1])
        body = entries(replies[3])
        return EntryWhereabouts(
            id=self.id,
            entry=body[0] if body else None,
            deliveries=tuple(_position(r, self.id) for r in rows(replies[2])[:GROUPS_MAX]),
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
            raise Gone(f"The entry {self.found.id} does not exist: it was never added, or trimmed or deleted since.")
        older = _neighbour(replies[-1], self.found.id) if self._has_older else None
        return replace(self.found, deliveries=deliveries, older=older)


@dataclass(frozen=True)
class TailRead(Query[dict[bytes, tuple[Entry, ...]]]):
    """XREAD over some watched streams: what came after each cursor. Empty after `block_ms` without news; 0: at once."""

    cursors: tuple[tuple[bytes, StreamId], ...]
    block_ms: int
    count: int

    def build(self) -> Sequence[Command]:
        keys = [key for key, _ in self.cursors]
        after = [str(cursor) for _, cursor in self.cursors]
        block: Command = ("BLOCK", self.block_ms) if self.block_ms else ()
        return [("XREAD", "COUNT", self.count, *block, "STREAMS", *keys, *after)]

    def parse(self, replies: Sequence[Reply]) -> dict[bytes, tuple[Entry, ...]]:
        return {key: entries(found) for key, found in need(replies[0]) or ()}


@dataclass(frozen=True)
class Together(Query[tuple[Any, ...]]):
    """The first rounds of several queries in one pipeline. An error of one stands in its place, it is not raised."""

    queries: tuple[Query[Any], ...]

    def build(self) -> Sequence[Command]:
        return [command for query in self.queries for command in query.build()]

    def parse(self, replies: Sequence[Reply]) -> tuple[Any, ...]:
        values, at = [], 0
        for query in self.queries:
            asked = len(query.build())
            values.append(_attempt(query, replies[at : at + asked]))
            at += asked
        return tuple(values)


def _attempt(query: Query[Any], replies: Sequence[Reply]) -> Any:
    try:
        return query.parse(replies)
    except StreamError as error:
        return error


Item = TypeVar("Item", Entry, PendingEntry)


def page(
    looked: Iterable[Item],
    keep: Callable[[Item], bool] | None,
    limit: int,
    *,
    asked: int,
    end: StreamId,
    so_far: Page[Item] = NOTHING,
    onward: Callable[[StreamId], StreamId] = StreamId.next,
) -> Page[Item]:
    """The first `limit` of `so_far` and `looked` that match, and the ID to go on from when there is or may be more.

    Looks no further than it has to: what comes behind a full page is not even parsed.

    `asked`: the COUNT that was sent; as many replies mean that the list may go on, unless the last one is its `end`.
    """
    kept, scanned, weight, last = list(so_far.items), so_far.scanned, so_far.weight, None
    for item in looked:
        scanned, weight, last = scanned + 1, weight + item.weight, item.id
        if keep is not None and not keep(item):
            continue
        if len(kept) == limit:
            return Page(tuple(kept), next=onward(kept[-1].id), scanned=scanned, weight=weight)
        kept.append(item)
    if last is None or last == end or scanned - so_far.scanned < asked:
        return Page(tuple(kept), scanned=scanned, weight=weight)
    return Page(tuple(kept), onward(last), scanned, ended(scanned, weight), weight)


def _matching(found: Page[Item], what: str) -> str:
    return f"Looked at {found.scanned:,} {what} from here, {len(found.items):,} match."


def _one(key: bytes, id_: StreamId) -> Command:
    return ("XRANGE", key, str(id_), str(id_), "COUNT", 1)


def group_facts(stream: StreamFacts, found: Row, can: Capabilities) -> GroupFacts:
    position = StreamId.parse(found[b"last-delivered-id"])
    return GroupFacts(
        name=found[b"name"],
        consumers=found[b"consumers"],
        pending=found[b"pending"],
        last_delivered_id=position,
        entries_read=found.get(b"entries-read"),
        lag=lag(stream, position, found, overcounts=can.lag_overcounts),
    )


def _first(reply: Reply) -> PendingEntry | None:
    """The single row of XPENDING - + 1; None when there is none, or it vanished or is forbidden meanwhile."""
    if isinstance(reply, Gone | NotAllowed):
        return None
    found = pending_entries(reply)
    return found[0] if found else None


def _with_body(entry: PendingEntry, reply: Reply) -> PendingEntry:
    if isinstance(reply, NotAllowed):
        return entry
    found = entries(reply)
    return replace(entry, fields=found[0].fields, body="present") if found else replace(entry, body="gone")


def _position(found: Row, id_: StreamId) -> Delivery:
    read = StreamId.parse(found[b"last-delivered-id"]) >= id_
    return Delivery(found[b"name"], "settled" if read else "undelivered")


def _delivery(delivery: Delivery, reply: Reply) -> Delivery:
    pending = _first(reply)
    return replace(delivery, state="pending", pending=pending) if pending else delivery


def _neighbour(reply: Reply, id_: StreamId) -> StreamId | None:
    found = entries(reply)
    return found[0].id if found and found[0].id != id_ else None
