"""What a plan saw of the entries it is about, and what groups would lose: values without a way to the server."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.display.format import number, plural
from dashboard.streams.ids import StreamId
from dashboard.streams.names import to_path
from dashboard.streams.snapshots import GroupOverview, PendingEntry, StreamOverview


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

    def to_json(self) -> list[str | int]:
        """As a plan keeps it."""
        return [to_path(self.group), self.pending or 0, self.unread or 0]

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


@dataclass(frozen=True, slots=True)
class Found:
    """The entries meant, as a plan saw them. `end` is never above the last ID at that time; what comes later is safe.

    `ids`: all that were named, else those the count has met. `absent`: named ones that are not there. `reach`: the last
    ID that is known to be meant, below `end` where a limit goes further than the count.
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

    @property
    def text(self) -> str:
        return f"{'at least ' if self.least else ''}{plural(self.total, 'entry', 'entries')}"
