"""What was planned and is still as it was seen; and what became of the rest."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import PendingEntry
from streams_admin.actions.context import ActionContext
from streams_admin.actions.reads.entries import bodies_of
from streams_admin.actions.reads.pending import (
    CLOCK,
    SLACK_MS,
    PendingBatch,
    PendingWork,
    as_work,
    ask_all,
    each_pending,
    read_pending,
)
from streams_admin.actions.reads.snapshots import EachSeen, EntrySeen, Looked, MatchSeen, PendingSeen
from streams_admin.actions.work import Batch, Place
from streams_admin.errors import BadParameters
from streams_admin.params.kinds import IDS_MOST
from streams_admin.params.pending import OfGroup, PendingParams
from streams_admin.writes import Lease, LeaseBatch

SLOW_MS = 10_000
"""What is set back by more was released."""


def seen_of(ctx: ActionContext[PendingParams], looked: Looked) -> PendingSeen:
    """The state as the plan keeps it: each entry's, or of long lists by what a match is known to be untouched since.

    Raises BadParameters for `retried` where that leaves nothing to tell an entry by.
    """
    chosen = ctx.params.matching
    if ctx.params.named or (len(looked.entries) == looked.total <= IDS_MOST and not looked.least):
        return each_seen(looked)
    if ctx.params.again:
        raise BadParameters(f"retried works for at most {IDS_MOST:,} entries; there are more.")
    last = looked.overview.group.last_delivered_id
    highest = min(chosen.end, max([last, *(e.id for e in looked.entries[-1:])]))
    total = None if looked.least else looked.total
    return PendingSeen(MatchSeen(looked.overview.now_ms, chosen.min_idle_ms, highest, chosen.limit, total))


def each_seen(looked: Looked) -> PendingSeen:
    """Each entry as it was: holder, delivery count, and when it was delivered."""
    entries = [EntrySeen(e.id, e.consumer, e.deliveries, _delivered_ms(e, looked.read_ms)) for e in looked.entries]
    return PendingSeen(EachSeen(tuple(entries), looked.absent))


def named(ctx: ActionContext[PendingParams], seen: EachSeen, taken: int) -> PendingBatch:
    """The next named entries that are still as they were seen; the rest is settled with the reason."""
    part = seen.entries[taken : taken + ctx.most]
    now_ms, *pages = ask_all(ctx, CLOCK, *each_pending(ctx, [before.id for before in part]))
    present = {entry.id: entry for page in pages for entry in page.items}
    same: list[PendingEntry] = []
    settled: list[tuple[str, str]] = []
    for before in part:
        entry = present.get(before.id)
        if entry is None:
            settled.append((str(before.id), "already_acknowledged"))
        elif _as_it_was(entry, before, now_ms, retried=ctx.params.again):
            same.append(entry)
        else:
            settled.append((str(before.id), "owner_changed"))
    if taken == 0:
        settled.extend((str(id_), "not_found") for id_ in seen.absent)
    end = taken + len(part)
    work = as_work([[str(e.id).encode(), e.consumer, e.idle_ms, e.deliveries] for e in same])
    return Batch(work, Place(end), settled, last=end >= len(seen.entries))


def _as_it_was(entry: PendingEntry, before: EntrySeen, now_ms: int, *, retried: bool) -> bool:
    """Whether an entry is as `each_seen` kept it. `retried`: it may have been delivered again, to whomever."""
    if retried:
        return entry.deliveries >= before.deliveries
    same = (entry.consumer, entry.deliveries) == (before.consumer, before.deliveries)
    return same and not _touched(entry, now_ms, before.delivered_ms)


def _touched(entry: PendingEntry, now_ms: int, delivered_ms: int) -> bool:
    """A plan reads the clock after the entries and a run before them: a slow answer makes deliveries look earlier."""
    return not -SLOW_MS <= _delivered_ms(entry, now_ms) - delivered_ms <= SLACK_MS


def _delivered_ms(entry: PendingEntry, now_ms: int) -> int:
    """When it was last delivered, by the server's clock; 0 when it was released (XNACK) since."""
    return 0 if entry.idle_ms < 0 else now_ms - entry.idle_ms


def still_holds(entry: PendingEntry, lease: Lease, *, retried: bool = False) -> bool:
    """Whether the same consumer has it, and it was not delivered again. `retried`: that may have happened."""
    if retried:
        return entry.deliveries >= lease.deliveries
    return (entry.consumer, entry.deliveries) == (lease.consumer, lease.deliveries)


def lease_batches(work: Iterable[PendingWork]) -> list[LeaseBatch]:
    """Work as commands take it."""
    return [LeaseBatch(item.ids, item.consumer, item.deliveries, item.idle_ms) for item in work]


def leases(work: Iterable[PendingWork]) -> list[Lease]:
    return [entry for part in lease_batches(work) for entry in part.each()]


def why_not(
    ctx: ActionContext[OfGroup], entries: Sequence[Lease], now: Container[StreamId] | None = None
) -> list[tuple[str, str]]:
    """What became of entries that were left alone: gone from the list (with or without a body), or touched.

    `now`: those that are pending, where that was just read.
    """
    if not entries:
        return []
    pending = {entry.id for entry in read_pending(ctx, [e.id for e in entries])} if now is None else now
    absent = [e for e in entries if e.id not in pending]
    there = dict(zip([e.id for e in absent], bodies_of(ctx, [e.id for e in absent]), strict=True))
    return [
        (str(e.id), "owner_changed" if e.id in pending else "already_acknowledged" if there[e.id] else "body_gone")
        for e in entries
    ]


def not_done(
    ctx: ActionContext[PendingParams], entries: Sequence[Lease], now: Mapping[StreamId, PendingEntry]
) -> list[tuple[str, str]]:
    """What became of work whose outcome was lost and that shows no sign of it: "failed" where it is as it was.

    `now`: those that are pending, as just read.
    """
    retried = ctx.params.again
    same = [e for e in entries if e.id in now and still_holds(now[e.id], e, retried=retried)]
    known = {e.id for e in same}
    return [*((str(e.id), "failed") for e in same), *why_not(ctx, [e for e in entries if e.id not in known], now)]
