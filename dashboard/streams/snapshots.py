"""Frozen values: what was true of a server at one moment. Times in milliseconds, names and payloads in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from dashboard.streams.figures import Figure as Figure
from dashboard.streams.figures import largest, total
from dashboard.streams.ids import StreamId

T = TypeVar("T")

Fields = tuple[tuple[bytes, bytes], ...]
"""An entry's fields in their order; a name may repeat."""

FIELD_BYTES = 32
"""What a field weighs beside its name and value: a hundred thousand empty ones fill a process too."""

Body = Literal["present", "gone", "unread"]
State = Literal["undelivered", "pending", "settled"]


FATAL = 2**62
NOTHING_PENDING = "Nothing is pending."
NOT_LOOKED_AT = "Its oldest pending entry was not checked."
NOT_ASKED = Figure(None, "not requested")


def weight_of(fields: Fields) -> int:
    return sum(FIELD_BYTES + len(name) + len(value) for name, value in fields)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list. `next` is where to go on, None at the end.

    `scanned` counts what was looked at, `weight` adds up what that weighs, `seconds` what looking through it took;
    `stopped` says in words why the page ends before the list does.
    """

    items: tuple[T, ...]
    next: StreamId | None = None
    scanned: int = 0
    stopped: str = ""
    weight: int = 0
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        return self.next is None


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Who answers. `version` is () when INFO is forbidden."""

    flavour: str
    version: tuple[int, ...]
    run_id: str
    role: str

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version)) or "unknown version"


Topology = Literal["standalone", "sentinel", "cluster", "unknown"]
Role = Literal["primary", "replica", "unknown"]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Which part a server plays, as it says itself. A reason stands beside what is unknown."""

    topology: Topology
    role: Role
    topology_reason: str = ""
    role_reason: str = ""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """XINFO STREAM. `first_id` and `last_id` are None when the stream is empty; `last_generated_id` survives deletion.

    `entry_bytes` is the larger payload of the first and the last entry: what one entry may weigh. `nodes`: those that
    entries lie in, None where the server does not say.
    """

    key: bytes
    length: int
    first_id: StreamId | None
    last_id: StreamId | None
    last_generated_id: StreamId
    entries_added: int | None
    max_deleted_id: StreamId | None
    groups: int
    entry_bytes: int
    memory: Figure = NOT_ASKED
    nodes: int | None = None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """One row of XINFO GROUPS with the honest lag, and the oldest pending entry where it was asked for."""

    name: bytes
    consumers: int
    pending: int
    last_delivered_id: StreamId
    entries_read: int | None
    lag: Figure
    oldest: PendingEntry | None = None

    def oldest_added(self, now_ms: int) -> Figure:
        """Milliseconds since its oldest pending entry was added; unknown with the reason."""
        if self.oldest:
            return added(self.oldest, now_ms)
        return Figure(None, NOT_LOOKED_AT if self.pending else NOTHING_PENDING)


@dataclass(frozen=True, slots=True)
class ConsumerFacts:
    """One row of XINFO CONSUMERS.

    `idle_ms`: since its last attempt to read or claim (before 7.2: since its last success).
    `inactive_ms`: since it last got something; -1 never; None where the server does not say.
    """

    name: bytes
    pending: int
    idle_ms: int
    inactive_ms: int | None


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """One row of XPENDING. `idle_ms` is the server's own clock since the last delivery.

    An entry released by XNACK has no consumer and idle -1 (its delivery time is 0).
    """

    id: StreamId
    consumer: bytes
    idle_ms: int
    deliveries: int
    fields: Fields = ()
    body: Body = "unread"

    @property
    def fatal(self) -> bool:
        """Given up for good by a consumer: XNACK FATAL sets the count to the largest there is, which is no number."""
        return self.deliveries >= FATAL

    @property
    def released(self) -> bool:
        """With nobody since XNACK, for the next consumer to take: not what was given up for good."""
        return self.idle_ms < 0 and not self.fatal

    @property
    def weight(self) -> int:
        """Of its payload, as far as that was read."""
        return weight_of(self.fields)

    def age_ms(self, now_ms: int) -> int:
        """Since it was added, where its ID tells; else since its last delivery (`added` says which)."""
        known = self.id.age_ms(now_ms)
        return max(self.idle_ms, 0) if known is None else known

    def since_ms(self, now_ms: int) -> int:
        """The moment `age_ms` counts from."""
        return now_ms - self.age_ms(now_ms)


def added(entry: PendingEntry, now_ms: int) -> Figure:
    """Milliseconds since a pending entry was added; unknown where its ID is no time, with what is known instead."""
    age_ms = entry.id.age_ms(now_ms)
    if age_ms is not None:
        return Figure(age_ms)
    last = "it was released" if entry.idle_ms < 0 else f"it was last delivered {entry.idle_ms:,} ms ago"
    why = "is no time" if entry.id.clock_ms is None else "is ahead of the server's clock"
    return Figure(None, f"The ID {entry.id} {why}, so nobody knows when it was added; {last}.")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with all its fields. `size`: bytes of names and values."""

    id: StreamId
    fields: Fields

    @property
    def size(self) -> int:
        return sum(len(name) + len(value) for name, value in self.fields)

    @property
    def weight(self) -> int:
        """What it costs to hold it."""
        return weight_of(self.fields)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where one entry is in one group. `settled`: acknowledged, or passed over - Redis cannot tell which."""

    group: bytes
    state: State
    pending: PendingEntry | None = None


@dataclass(frozen=True, slots=True)
class StreamOverview:
    """A stream and its groups at `now_ms` of the server's clock. `groups_cut`: groups left out for their number."""

    facts: StreamFacts
    groups: tuple[GroupFacts, ...]
    now_ms: int
    groups_cut: int = 0

    @property
    def unread(self) -> int:
        """Groups that hold something and whose oldest pending entry was not read: for their number, or refused."""
        return sum(bool(group.pending) and group.oldest is None for group in self.groups)

    @property
    def left_out(self) -> str:
        """Why sums over the groups are no more than lower bounds; "" when all were looked at."""
        return groups_left_out(self.groups_cut, len(self.groups))

    @property
    def pending(self) -> Figure:
        """What is pending in all groups together."""
        return total([*(Figure(group.pending) for group in self.groups), *self._left_out])

    @property
    def lag(self) -> Figure:
        """The worst lag of any group."""
        return largest([*(group.lag for group in self.groups), *self._left_out])

    @property
    def oldest_pending(self) -> Figure:
        """Milliseconds since the oldest pending entry of any group was added; unknown with the reason."""
        ages = [group.oldest_added(self.now_ms) for group in self.groups if group.pending]
        return largest([*ages, *self._left_out]) if ages or self._left_out else Figure(None, NOTHING_PENDING)

    @property
    def _left_out(self) -> tuple[Figure, ...]:
        return (Figure(None, self.left_out),) if self.left_out else ()


def groups_left_out(cut: int, looked_at: int) -> str:
    return f"Only the first {looked_at:,} of {looked_at + cut:,} groups were checked." if cut else ""


@dataclass(frozen=True, slots=True)
class PendingSummary:
    """XPENDING key group: how many, between which IDs, and per consumer (only those that hold something)."""

    count: int
    min_id: StreamId | None
    max_id: StreamId | None
    consumers: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class GroupOverview:
    """A group with its stream and consumers."""

    stream: StreamFacts
    group: GroupFacts
    consumers: tuple[ConsumerFacts, ...]
    pending: PendingSummary
    now_ms: int


@dataclass(frozen=True, slots=True)
class EntryWhereabouts:
    """An entry (None: its body is gone), where it is in every group, and its neighbours' IDs."""

    id: StreamId
    entry: Entry | None
    deliveries: tuple[Delivery, ...]
    older: StreamId | None
    newer: StreamId | None
    stream: StreamFacts
    now_ms: int
