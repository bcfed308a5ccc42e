"""What the groups of a stream still need: nothing below the lowest need may be trimmed safely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.display.format import plural
from dashboard.streams.errors import Gone
from dashboard.streams.ids import MAX, StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import Command, Query
from dashboard.streams.replies import Reply, pending_summary, rows
from streams_admin.actions.context import Scope
from streams_admin.actions.preview import Note


@dataclass(frozen=True, slots=True)
class Need:
    """The first entry that a group has pending, or has not read."""

    group: bytes
    id: StreamId
    pending: int

    @property
    def why(self) -> str:
        if self.pending:
            return f"It has {plural(self.pending, 'entry', 'entries')} pending, the oldest of them {self.id}."
        return f"It has read only up to {self.id.prev()}."


@dataclass(frozen=True)
class Positions(Query[tuple[tuple[bytes, StreamId], ...]]):
    """Every group, however many, and the last ID it was delivered. Raises Gone."""

    key: bytes

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        return [("XINFO", "GROUPS", self.key)]

    def parse(self, replies: Sequence[Reply]) -> tuple[tuple[bytes, StreamId], ...]:
        return tuple((row[b"name"], StreamId.parse(row[b"last-delivered-id"])) for row in rows(replies[0]))


@dataclass(frozen=True)
class Needs(Query[tuple[Need, ...]]):
    """The need of each of these groups. One that was destroyed meanwhile needs nothing."""

    key: bytes
    positions: tuple[tuple[bytes, StreamId], ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        return [("XPENDING", self.key, group) for group, _ in self.positions]

    def parse(self, replies: Sequence[Reply]) -> tuple[Need, ...]:
        known = [(p, r) for p, r in zip(self.positions, replies, strict=True) if not isinstance(r, Gone)]
        return tuple(_need(group, delivered, reply) for (group, delivered), reply in known)


def _need(group: bytes, delivered: StreamId, reply: Reply) -> Need:
    summary = pending_summary(reply)
    unread = delivered.next()
    if summary.min_id is not None and summary.min_id < unread:
        return Need(group, summary.min_id, summary.count)
    return Need(group, unread, 0)


def lowest_need(scope: Scope) -> Need | None:
    """The group that needs the oldest entry; None when no group reads the stream."""
    positions = scope.server.run(Positions(scope.key))
    needs = scope.server.run(Needs(scope.key, positions)) if positions else ()
    return min(needs, key=lambda need: (need.id, need.group), default=None)


def first_needed(scope: Scope) -> StreamId:
    """Nothing from here on may go; the top when nobody needs anything."""
    need = lowest_need(scope)
    return need.id if need else MAX


def safe_notes(need: Need | None, holds: bool | None) -> list[Note]:
    """What a safe trim does, and which group holds it back. None: the run will tell."""
    if need is None:
        return [Note("late", "The stream has no groups", "There are no entries that a safe trim would have to keep.")]
    if holds is False:
        return [Note("", "No group loses anything", "Everything was read and acknowledged.")]
    title = f"{plain(need.group)} {'holds' if holds else 'may hold'} the trim back"
    return [Note("late", title, f"{need.why} Entries it still needs stay.")]
