"""What a query is, and how several become one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries.steps import PAGE_BYTES, ended
from dashboard.streams.replies import Reply
from dashboard.streams.snapshots import Entry, Page, PendingEntry

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
Command = tuple[bytes | str | int, ...]
PAGE_MAX = 500
"""The largest COUNT any page asks for."""
LOOK_MAX = 2000
"""How many pending entries or entries one filtered page looks at before it stops and says so."""
GROUPS_MAX = 10_000
"""Groups of one stream that are looked at, far more than exist; those beyond are counted and said to be left out."""
DETAIL_MAX = 500
"""Groups of one stream that one read looks into: their oldest pending entry, or where they have one entry."""
NOTHING: Page[Any] = Page(())


class Query(ABC, Generic[T]):
    """One read. Subclasses are frozen dataclasses of its parameters."""

    @property
    @abstractmethod
    def keys(self) -> tuple[bytes, ...]:
        """Every key that the commands of this round trip name, so that they can be sent to the node that has it."""

    @abstractmethod
    def build(self) -> Sequence[Command]:
        """The commands of this round trip; none where nothing has to be asked."""

    @abstractmethod
    def parse(self, replies: Sequence[Reply]) -> T:
        """The value of one reply per command. Raises StreamError."""

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
class Together(Query[tuple[Any, ...]]):
    """The first rounds of several queries in one pipeline. An error of one stands in its place, it is not raised."""

    queries: tuple[Query[Any], ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(key for query in self.queries for key in query.keys))

    def build(self) -> Sequence[Command]:
        return [command for query in self.queries for command in query.build()]

    def parse(self, replies: Sequence[Reply]) -> tuple[Any, ...]:
        values, at = [], 0
        for query in self.queries:
            asked = len(query.build())
            values.append(_attempt(query, replies[at : at + asked]))
            at += asked
        return tuple(values)


@dataclass(frozen=True)
class Known(Query[T]):
    """What was read already."""

    value: T

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    @property
    def optional(self) -> bool:
        return True

    def build(self) -> Sequence[Command]:
        return []

    def parse(self, replies: Sequence[Reply]) -> T:
        return self.value


@dataclass(frozen=True)
class Both(Query[tuple[A, B]]):
    """Two reads to their ends, side by side: as many round trips as the longer one takes. Raises what either raises."""

    one: Query[A]
    other: Query[B]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys((*self.one.keys, *self.other.keys)))

    @property
    def optional(self) -> bool:
        return self.one.optional and self.other.optional

    def build(self) -> Sequence[Command]:
        return [*self.one.build(), *self.other.build()]

    def parse(self, replies: Sequence[Reply]) -> tuple[A, B]:
        at = len(self.one.build())
        return self.one.parse(replies[:at]), self.other.parse(replies[at:])

    def then(self, value: tuple[A, B]) -> Query[tuple[A, B]] | None:
        one, other = self.one.then(value[0]), self.other.then(value[1])
        return Both(one or Known(value[0]), other or Known(value[1])) if one or other else None


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


def matching(found: Page[Item], what: str) -> str:
    return f"Scanned {found.scanned:,} {what} from here, {len(found.items):,} match."


def one_entry(key: bytes, id_: StreamId) -> Command:
    return ("XRANGE", key, str(id_), str(id_), "COUNT", 1)
