"""What each group loses when entries go: those it has pending, and those it has not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.format import number, plural
from dashboard.names import plain, to_path
from dashboard.streams.errors import Gone
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import PAGE_MAX, EntryRange, PendingQuery, Together
from dashboard.streams.snapshots import GroupFacts, Page, PendingEntry
from streams_admin.actions.base import Ask, Note
from streams_admin.actions.entries import Found

GROUPS = 8
"""Groups that are looked into; of more it is said that there are more."""
IDS = 200
"""Named entries that are looked up in each group."""


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


def losses(ask: Ask, found: Found) -> list[Loss]:
    """Per group, those that lose something first."""
    groups = found.overview.groups[:GROUPS]
    if found.named:
        looked = [_named(ask, group, found.ids) for group in groups]
    else:
        looked = [within(ask, group, found.start, found.end) for group in groups]
    return sorted(looked, key=lambda loss: (-loss.weight, loss.group))


def _named(ask: Ask, group: GroupFacts, ids: Sequence[StreamId]) -> Loss:
    part = ids[:IDS] if group.pending else ()
    queries = tuple(PendingQuery(ask.key, group.name, start=i, end=i, limit=1, bodies=False) for i in part)
    pages: tuple[Page[PendingEntry] | Exception, ...] = ask.server.run(Together(queries)) if queries else ()
    pending = sum(_held(page) for page in pages)
    unread = sum(i > group.last_delivered_id for i in ids)
    return Loss(group.name, pending, unread, pending_least=bool(group.pending) and len(ids) > IDS)


def _held(page: Page[PendingEntry] | Exception) -> int:
    """How many; a group that was destroyed meanwhile holds nothing. Raises StreamError."""
    if isinstance(page, Gone):
        return 0
    if isinstance(page, Exception):
        raise page
    return len(page.items)


def within(ask: Ask, group: GroupFacts, start: StreamId, end: StreamId) -> Loss:
    """What a group would lose with the entries from `start` to `end`, both included."""
    query = PendingQuery(ask.key, group.name, start=start, end=end, limit=PAGE_MAX, bodies=False)
    page: Page[PendingEntry] = ask.server.run(query) if group.pending else Page(())
    first_unread = max(start, group.last_delivered_id.next())
    if first_unread > end:
        return Loss(group.name, len(page.items), 0, not page.complete)
    unread = ask.server.run(EntryRange(ask.key, first_unread, end, limit=PAGE_MAX))
    return Loss(group.name, len(page.items), len(unread.items), not page.complete, not unread.complete)


def too_deep(group: GroupFacts, left: int) -> Loss:
    """What a group would lose when only the newest `left` entries stay and the first of them cannot be looked at."""
    lag = group.lag
    unread = None if lag.value is None else max(0, lag.value - left)
    return Loss(group.name, None if group.pending else 0, unread, unread_about=lag.approximate)


def loss_notes(lost: Sequence[Loss], groups: int, *, pending_text: str) -> list[Note]:
    """The weightiest first. `pending_text`: what becomes of those that are pending."""
    notes = []
    for loss in lost:
        who = plain(loss.group)
        if loss.pending:
            notes.append(Note("stuck", f"{loss.pending_text} of them pending in {who}", pending_text))
        if loss.unread:
            title = f"{who} has not read {loss.unread_text} of them"
            notes.append(Note("stuck", title, "They would never be delivered to it."))
    for loss in lost:
        if None in (loss.pending, loss.unread):
            title = f"What {plain(loss.group)} would lose is not known"
            notes.append(Note("late", title, "Entries that it has pending or has not read may be among them."))
    if not notes and groups:
        return [Note("", "No group loses anything", "All of it was read and acknowledged.")]
    left = [Note("late", f"{plural(groups - GROUPS, 'more group')} not looked into")] if groups > GROUPS else []
    return [*notes[:4], *left]


def worse(before: Sequence[Sequence[str | int]], now: Sequence[Loss]) -> str:
    """Which group would lose more than a plan showed, "" for none."""
    known = {row[0]: row for row in before}
    for loss in now:
        _, pending, unread = known.get(to_path(loss.group), ["", 0, 0])
        if (loss.pending or 0) > int(pending) or (loss.unread or 0) > int(unread):
            return plain(loss.group)
    return ""
