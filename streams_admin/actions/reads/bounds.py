"""How far a trim goes: the first ID that stays, and how many entries lie below it."""

from __future__ import annotations

from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries import PAGE_MAX, EntryRange
from dashboard.streams.snapshots import StreamFacts, StreamOverview
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.reads import positions
from streams_admin.actions.reads.ages import check_age
from streams_admin.actions.reads.positions import Count
from streams_admin.params.streams import TrimParams

Context = ActionContext[TrimParams]


def boundary_of(ctx: Context, overview: StreamOverview) -> tuple[StreamId | None, StreamId | None]:
    """The first ID that stays: as asked for (minid, age), and as far as it can be told from a length.

    Raises BadParameters for an age where IDs are no times.
    """
    params = ctx.params
    if params.maxlen is not None:
        return None, _first_kept(ctx, overview, params.maxlen)
    if params.older_than_ms is not None:
        check_age(overview, params.older_than_ms)
    below = params.minid or StreamId(max(0, overview.now_ms - (params.older_than_ms or 0)), 0)
    return below, below


def _first_kept(ctx: Scope, overview: StreamOverview, keep: int) -> StreamId | None:
    """The first entry that stays when `keep` do; None when it lies too deep to be read."""
    facts = overview.facts
    if keep == 0:
        return facts.last_generated_id.next()
    if keep < PAGE_MAX:
        return _nth(ctx, EntryRange(ctx.key, end=facts.last_id or MIN, newest_first=True, limit=keep))
    if facts.length - keep < PAGE_MAX:
        return _nth(ctx, EntryRange(ctx.key, limit=facts.length - keep + 1))
    return None


def _nth(ctx: Scope, upto: EntryRange) -> StreamId | None:
    """The last entry of a page; None when what was read weighed too much to get that far."""
    page = ctx.server.run(upto)
    return None if page.stopped or not page.items else page.items[-1].id


def count(ctx: Context, overview: StreamOverview, below: StreamId | None) -> Count:
    """How many entries would go."""
    facts = overview.facts
    if ctx.params.maxlen is None:
        return _count_below(ctx, facts, below or MIN)
    most = max(0, facts.length - ctx.params.maxlen)
    found = _count_below(ctx, facts, below) if below and most else Count(most)
    return Count(min(most, found.value), found.least and found.value < most)


def holds_back(ctx: Context, overview: StreamOverview, need: StreamId, boundary: StreamId | None) -> bool | None:
    """Whether what is needed begins below the bound. None: a length so deep that it cannot be told."""
    if boundary is not None:
        return need < boundary
    facts, keep = overview.facts, ctx.params.maxlen or 0
    most = max(0, facts.length - keep)
    below = _count_below(ctx, facts, need)
    if below.value >= most or not below.least:
        return below.value < most
    needed = positions.count(ctx, need, MAX)
    return None if needed.least and needed.value <= keep else needed.value > keep


def _count_below(ctx: Scope, facts: StreamFacts, below: StreamId) -> Count:
    if facts.last_id is None or facts.first_id is None or facts.first_id >= below:
        return Count(0)
    if facts.last_id < below:
        return Count(facts.length)
    return positions.count(ctx, MIN, below.prev())
