"""What each group loses when entries go: those it has pending, and those it has not read."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.display.format import plural
from dashboard.streams.errors import Gone
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import PAGE_MAX, EntryRange, PendingQuery, Together
from dashboard.streams.snapshots import GroupFacts, Page, PendingEntry
from streams_admin.actions.context import Scope
from streams_admin.actions.preview import Note
from streams_admin.actions.reads.snapshots import Found, Loss, LossSeen

GROUPS = 100
"""Groups with something to lose that are looked into, those that hold most; the rest is said. Others cost nothing."""
SHOWN = 8
"""Groups up to which a plan lists each; of more only those that lose something."""
IDS = 200
"""Named entries that are looked up one by one in each group; of more the page of its list where they lie is read."""
PENDING_TEXT = {
    "keep": "They stay on its pending list without content; nobody can process them.",
    "delete": "They are removed from its pending list too; nobody will process them.",
    "acked": "They are left alone.",
}
"""What becomes of entries that a group has pending, by what a deletion does with its list."""


def losses(scope: Scope, found: Found) -> list[Loss]:
    """Per group, those that lose something first."""
    groups = looked_into(found.overview.groups)
    if found.named:
        return losses_of(scope, groups, found.ids)
    looked = [within(scope, group, found.start, found.reach) for group in groups]
    if found.reach < found.end:
        looked = [_in_part(loss, group, found.end) for loss, group in zip(looked, groups, strict=True)]
    return heaviest_first(looked)


def losses_of(
    scope: Scope, groups: Sequence[GroupFacts], ids: Sequence[StreamId], upto: StreamId | None = None
) -> list[Loss]:
    """What each of the groups would lose with these entries, the most first.

    `upto`: there are more entries than these, up to that ID.
    """
    groups = looked_into(groups)
    looked = [_named(scope, group, ids) for group in groups]
    if upto is not None:
        looked = [_in_part(loss, group, upto) for loss, group in zip(looked, groups, strict=False)]
    return heaviest_first(looked)


def looked_into(groups: Sequence[GroupFacts]) -> list[GroupFacts]:
    """Every group that has nothing to lose, and the first GROUPS of those that have, by how much they hold."""
    risky = sorted((g for g in groups if g.pending or g.lag.value != 0), key=lambda g: (-g.pending, g.name))
    left = {group.name for group in risky[GROUPS:]}
    return [group for group in groups if group.name not in left]


def shown(lost: Sequence[Loss]) -> Sequence[Loss]:
    """Those that a plan lists."""
    return lost if len(lost) <= SHOWN else [loss for loss in lost if loss.weight or not loss.known]


def heaviest_first(looked: Sequence[Loss]) -> list[Loss]:
    return sorted(looked, key=lambda loss: (-loss.weight, loss.group))


def _named(scope: Scope, group: GroupFacts, ids: Sequence[StreamId]) -> Loss:
    unread = sum(i > group.last_delivered_id for i in ids)
    if not group.pending or not ids:
        return Loss(group.name, 0, unread)
    if len(ids) <= IDS:
        return Loss(group.name, _each(scope, group, ids), unread)
    page = _list_of(scope, group, min(ids), max(ids))
    wanted = set(ids)
    pending = sum(entry.id in wanted for entry in page.items)
    return Loss(group.name, pending if page.complete else pending or None, unread, not page.complete)


def _each(scope: Scope, group: GroupFacts, ids: Sequence[StreamId]) -> int:
    """How many of the entries are pending in the group, asked one by one."""
    queries = tuple(PendingQuery(scope.key, group.name, start=i, end=i, limit=1, bodies=False) for i in ids)
    pages: tuple[Page[PendingEntry] | Exception, ...] = scope.server.run(Together(queries))
    return sum(_held(page) for page in pages)


def _list_of(scope: Scope, group: GroupFacts, start: StreamId, end: StreamId) -> Page[PendingEntry]:
    """The first page of what the group has pending there; a group that was destroyed meanwhile has nothing."""
    if not group.pending:
        return Page(())
    try:
        return scope.server.run(PendingQuery(scope.key, group.name, start=start, end=end, limit=PAGE_MAX, bodies=False))
    except Gone:
        return Page(())


def _in_part(loss: Loss, group: GroupFacts, upto: StreamId) -> Loss:
    """A loss where not all entries were looked at: at least that much, and what was not met is not known."""
    pending = loss.pending or (None if group.pending else 0)
    unread = loss.unread or (None if group.last_delivered_id < upto else 0)
    return Loss(group.name, pending, unread, pending_least=True, unread_least=True)


def _held(page: Page[PendingEntry] | Exception) -> int:
    """How many; a group that was destroyed meanwhile holds nothing. Raises StreamError."""
    if isinstance(page, Gone):
        return 0
    if isinstance(page, Exception):
        raise page
    return len(page.items)


def within(scope: Scope, group: GroupFacts, start: StreamId, end: StreamId) -> Loss:
    """What a group would lose with the entries from `start` to `end`, both included."""
    page = _list_of(scope, group, start, end)
    first_unread = max(start, group.last_delivered_id.next())
    if first_unread > end:
        return Loss(group.name, len(page.items), 0, not page.complete)
    unread = scope.server.run(EntryRange(scope.key, first_unread, end, limit=PAGE_MAX))
    return Loss(group.name, len(page.items), len(unread.items), not page.complete, not unread.complete)


def too_deep(group: GroupFacts, left: int) -> Loss:
    """What a group would lose when only the newest `left` entries stay and the first of them cannot be looked at."""
    lag = group.lag
    unread = None if lag.value is None else max(0, lag.value - left)
    return Loss(group.name, None if group.pending else 0, unread, unread_about=lag.approximate)


def counts_of(lost: Sequence[Loss]) -> dict[str, int | None]:
    """As a plan lists them."""
    pending = {f"pending in {plain(loss.group)}": loss.pending for loss in shown(lost)}
    return {**pending, **{f"unread by {plain(loss.group)}": loss.unread for loss in shown(lost)}}


def loss_notes(lost: Sequence[Loss], groups: int, *, pending_text: str, who: str = "group") -> list[Note]:
    """The weightiest first. `groups`: how many there are; `pending_text`: what becomes of those that are pending."""
    notes = []
    for loss in lost:
        name = plain(loss.group)
        if loss.pending:
            notes.append(Note("stuck", f"{loss.pending_text} of them pending in {name}", pending_text))
        if loss.unread:
            title = f"{name} has not read {loss.unread_text} of them"
            notes.append(Note("stuck", title, "They would never be delivered to it."))
    for loss in lost:
        if not loss.known:
            title = f"What {plain(loss.group)} would lose is unknown"
            notes.append(Note("late", title, "They may include entries that it has pending or has not read."))
    left = groups - len(lost)
    if left > 0:
        notes = [*notes[:4], Note("late", f"{plural(left, f'more {who}')} not checked", "They may lose entries.")]
    elif not notes and groups:
        return [Note("", f"No {who} loses anything", "Everything was read and acknowledged.")]
    return notes[:5] if left > 0 else notes[:4]


def may_lose(lost: Sequence[Loss], groups: int) -> bool:
    """Whether any group loses something, as far as is known, of so many groups."""
    return groups > len(lost) or any(loss.weight or not loss.known for loss in lost)


def worse(before: Sequence[LossSeen], now: Sequence[Loss]) -> str:
    """Which group would lose more than a plan showed, "" for none."""
    known = {loss.group: loss for loss in before}
    for loss in now:
        shown = known.get(loss.group, LossSeen(loss.group, 0, 0))
        if (loss.pending or 0) > shown.pending or (loss.unread or 0) > shown.unread:
            return plain(loss.group)
    return ""
