"""What a plan saw of the entries it is about, and what groups would lose: values without a way to the server.

What is called Seen is kept with the plan, to be compared with when it is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.display.format import number, plural
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import GroupOverview, PendingEntry, StreamOverview
from streams_admin.params.kinds import EntryId, PathName


class LossSeen(NamedTuple):
    """What one group was known to lose."""

    group: PathName
    pending: int
    unread: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What one group would lose; None where it cannot be told beforehand.

    `least`: there may be more pending ones, or more unread ones; `about`: the server is known to miscount them.
    """

    group: bytes
    pending: int | None
    unread: int | None
    pending_least: bool = False
    unread_least: bool = False
    unread_about: bool = False

    @property
    def known(self) -> bool:
        return None not in (self.pending, self.unread)

    @property
    def weight(self) -> int:
        return (self.pending or 0) + (self.unread or 0)

    @property
    def seen(self) -> LossSeen:
        """As a plan keeps it."""
        return LossSeen(self.group, self.pending or 0, self.unread or 0)

    @property
    def pending_text(self) -> str:
        return f"{'at least ' if self.pending_least else ''}{number(self.pending or 0)}"

    @property
    def unread_text(self) -> str:
        some = "at least " if self.unread_least else "about " if self.unread_about else ""
        return f"{some}{number(self.unread or 0)}"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a plan saw of the entries it is about: counted at `overview.now_ms`, each of them read until `read_ms`.

    `forced`: entries that are not pending and will be, counted in `total`. `held`: how many of them each consumer
    holds, where that is known of more entries than were read. `lost`: what other groups lose by it.
    """

    overview: GroupOverview
    entries: tuple[PendingEntry, ...]
    absent: tuple[StreamId, ...]
    total: int
    least: bool
    ghosts: int
    bodies_looked: int
    read_ms: int
    forced: tuple[StreamId, ...] = ()
    held: tuple[tuple[bytes, int], ...] = ()
    lost: tuple[Loss, ...] = ()

    @property
    def all_known(self) -> bool:
        """Whether it is known of each of them who holds it."""
        return bool(self.held) or (not self.least and len(self.entries) + len(self.forced) >= self.total)

    @property
    def guard_ms(self) -> int:
        """The least idle time among them: what is idle for less at the same moment was touched since."""
        return max(0, min((e.idle_ms for e in self.entries), default=0))


class EntrySeen(NamedTuple):
    """A pending entry as it was. `delivered_ms`: when, by the server's clock; 0 when it was released (XNACK) since."""

    id: EntryId
    consumer: PathName
    deliveries: int
    delivered_ms: int


@dataclass(frozen=True, slots=True)
class EachSeen:
    """Pending entries one by one. `absent`: named ones that were not pending."""

    entries: tuple[EntrySeen, ...]
    absent: tuple[EntryId, ...]


@dataclass(frozen=True, slots=True)
class MatchSeen:
    """Pending entries of a long list up to `end`, by what a match is known to be untouched since.

    `at_ms`: the server's clock then; `guard_ms`: for how long they were idle at least. `total`: None where not all were
    counted; `limit`: of the filter.
    """

    at_ms: int
    guard_ms: int
    end: EntryId
    limit: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class PendingSeen:
    """Which pending entries a plan is about.

    `target`: whether the consumer that gets them was there; `forced`: entries that were not pending and will be;
    `losses`: what the other groups lose.
    """

    which: EachSeen | MatchSeen
    target: bool = False
    forced: tuple[EntryId, ...] = ()
    losses: tuple[LossSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The entries meant, as a plan saw them. `end` is never above the last ID at that time; what comes later is safe.

    `ids`: all that were named, else those the count has met. `absent`: named ones that are not there. `reach`: the last
    ID that is known to be meant, below `end` where a limit goes further than the count. `marks`: of the content of each
    that was named.
    """

    overview: StreamOverview
    ids: tuple[StreamId, ...]
    absent: tuple[StreamId, ...]
    start: StreamId
    end: StreamId
    reach: StreamId
    total: int
    least: bool
    named: bool
    marks: Mapping[StreamId, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return f"{'at least ' if self.least else ''}{plural(self.total, 'entry', 'entries')}"


@dataclass(frozen=True, slots=True)
class EntriesSeen:
    """Which entries of a stream a plan is about: up to `end` those with `ids`, or where there are none a range.

    `marks`: of the content of each of `ids`. `absent`: named ones that were not there. `reach`: as of Found; `limit`:
    of the filter. `losses`: of every group.
    """

    start: EntryId
    end: EntryId
    reach: EntryId
    ids: tuple[EntryId, ...] = ()
    absent: tuple[EntryId, ...] = ()
    limit: int | None = None
    losses: tuple[LossSeen, ...] = ()
    marks: tuple[str, ...] = ()
