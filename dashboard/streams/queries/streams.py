"""Streams: their names, their facts, their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone, NotAllowed
from dashboard.streams.ids import StreamId
from dashboard.streams.lag import lag
from dashboard.streams.queries.base import DETAIL_MAX, GROUPS_MAX, PAGE_MAX, Command, Query
from dashboard.streams.queries.behind import behind, doubtful, recounted
from dashboard.streams.replies import Reply, Row, facts, memory, need, pending_entries, rows, server_ms
from dashboard.streams.snapshots import Figure, GroupFacts, PendingEntry, StreamFacts, StreamOverview


@dataclass(frozen=True)
class ScanStreams(Query[tuple[int, tuple[bytes, ...]]]):
    """One step of SCAN: the next cursor (0: done) and the stream keys it met. Keys may come twice."""

    cursor: int = 0
    count: int = 1000
    match: bytes | None = None

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[Command]:
        pattern: Command = ("MATCH", self.match) if self.match else ()
        return [("SCAN", self.cursor, *pattern, "COUNT", self.count, "TYPE", "stream")]

    def parse(self, replies: Sequence[Reply]) -> tuple[int, tuple[bytes, ...]]:
        cursor, keys = need(replies[0])
        return int(cursor), tuple(keys)


@dataclass(frozen=True)
class StreamQuery(Query[StreamOverview]):
    """A stream, its groups, and when `oldest` per group its oldest pending entry (the lowest ID, as XPENDING counts).

    One round trip, or two: TIME, XINFO STREAM, XINFO GROUPS (and MEMORY USAGE when `memory`), then one XPENDING per
    group that holds something, of at most `detail` groups from number `skip` on. Raises Gone or NotAStream.
    """

    key: bytes
    can: Capabilities
    memory: bool = False
    oldest: bool = True
    skip: int = 0
    detail: int = DETAIL_MAX

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        asked: list[Command] = [("TIME",), ("XINFO", "STREAM", self.key), ("XINFO", "GROUPS", self.key)]
        return [*asked, ("MEMORY", "USAGE", self.key, *self.can.memory_samples)] if self.memory else asked

    def parse(self, replies: Sequence[Reply]) -> StreamOverview:
        stream = facts(self.key, replies[1], replies[3] if self.memory else None)
        found = rows(replies[2])
        groups = tuple(group_facts(stream, r, self.can) for r in found[:GROUPS_MAX])
        return StreamOverview(stream, groups, server_ms(replies[0]), groups_cut=len(found) - len(groups))

    def then(self, value: StreamOverview) -> Query[StreamOverview] | None:
        further = GroupsDetail(self.key, value, self.skip, self.detail, self.oldest)
        return further if further.build() else None


@dataclass(frozen=True)
class GroupsDetail(Query[StreamOverview]):
    """The oldest pending entry of at most `detail` groups from number `skip` on, and what lies behind positions.

    A lag that the server overcounts is counted again (`queries.behind`).
    """

    key: bytes
    found: StreamOverview
    skip: int = 0
    detail: int = DETAIL_MAX
    oldest: bool = True

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    @property
    def _part(self) -> range:
        return range(self.skip, min(self.skip + self.detail, len(self.found.groups)))

    @property
    def _holding(self) -> list[int]:
        return [at for at in self._part if self.oldest and self.found.groups[at].pending]

    @property
    def _doubtful(self) -> list[int]:
        return [at for at in self._part if doubtful(self.found.groups[at])]

    def build(self) -> Sequence[Command]:
        groups, facts = self.found.groups, self.found.facts
        oldest: list[Command] = [("XPENDING", self.key, groups[at].name, "-", "+", 1) for at in self._holding]
        return [*oldest, *(behind(facts, groups[at]) for at in self._doubtful)]

    def parse(self, replies: Sequence[Reply]) -> StreamOverview:
        groups, answers = list(self.found.groups), iter(replies)
        for at in self._holding:
            groups[at] = replace(groups[at], oldest=first_pending(next(answers)))
        for at in self._doubtful:
            groups[at] = recounted(self.found.facts, groups[at], next(answers))
        return replace(self.found, groups=tuple(groups))


@dataclass(frozen=True)
class FactsQuery(Query[StreamFacts]):
    """A stream without its groups, one command. Raises Gone or NotAStream."""

    key: bytes

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        return [("XINFO", "STREAM", self.key)]

    def parse(self, replies: Sequence[Reply]) -> StreamFacts:
        return facts(self.key, replies[0])


@dataclass(frozen=True)
class MemoryQuery(Query[dict[bytes, Figure]]):
    """What each of at most PAGE_MAX streams weighs, one MEMORY USAGE each; unknown with the reason where refused."""

    streams: tuple[bytes, ...]
    can: Capabilities

    @property
    def keys(self) -> tuple[bytes, ...]:
        return self.streams

    def build(self) -> Sequence[Command]:
        return [("MEMORY", "USAGE", key, *self.can.memory_samples) for key in self.streams[:PAGE_MAX]]

    def parse(self, replies: Sequence[Reply]) -> dict[bytes, Figure]:
        return {key: memory(reply) for key, reply in zip(self.streams, replies, strict=False)}


def group_facts(stream: StreamFacts, found: Row, can: Capabilities) -> GroupFacts:
    position = StreamId.parse(found[b"last-delivered-id"])
    if position == stream.last_generated_id:
        position = stream.last_generated_id  # one object: thousands of groups are kept
    return GroupFacts(
        name=found[b"name"],
        consumers=found[b"consumers"],
        pending=found[b"pending"],
        last_delivered_id=position,
        entries_read=found.get(b"entries-read"),
        lag=lag(stream, position, found, overcounts=can.lag_overcounts),
    )


def first_pending(reply: Reply) -> PendingEntry | None:
    """The single row of XPENDING - + 1; None when there is none, or it vanished or is forbidden meanwhile."""
    if isinstance(reply, Gone | NotAllowed):
        return None
    found = pending_entries(reply)
    return found[0] if found else None
