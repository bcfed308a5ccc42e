"""How far a trim goes: the first ID that stays, and how many entries lie below it."""

from __future__ import annotations

from typing import Any

from dashboard.streams.errors import BadId
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries import PAGE_MAX, EntryRange, StreamQuery
from dashboard.streams.snapshots import StreamFacts, StreamOverview
from streams_admin.actions.base import Ask
from streams_admin.actions.reads import positions
from streams_admin.actions.reads.positions import Count
from streams_admin.errors import BadOrder


def stream_overview(ask: Ask) -> StreamOverview:
    """The stream of a plan and its groups, read now. Raises Gone."""
    return ask.server.run(StreamQuery(ask.key, ask.server.capabilities()))


def id_of(text: Any) -> StreamId:
    try:
        return StreamId.bound(str(text))
    except BadId as error:
        raise BadOrder(f"minid: {error}") from error


def boundary_of(ask: Ask, overview: StreamOverview) -> tuple[StreamId | None, StreamId | None]:
    """The first ID that stays: as asked for (minid, age), and as far as it can be told from a length."""
    if "minid" in ask.params:
        below = StreamId.parse(ask.params["minid"])
        return below, below
    if "older_than_ms" in ask.params:
        below = StreamId(max(0, overview.now_ms - ask.params["older_than_ms"]), 0)
        return below, below
    return None, _first_kept(ask, overview, ask.params["maxlen"])


def _first_kept(ask: Ask, overview: StreamOverview, keep: int) -> StreamId | None:
    """The first entry that stays when `keep` do; None when it lies too deep to be read."""
    facts = overview.facts
    if keep == 0:
        return facts.last_generated_id.next()
    if keep < PAGE_MAX:
        return _nth(ask, EntryRange(ask.key, end=facts.last_id or MIN, newest_first=True, limit=keep))
    if facts.length - keep < PAGE_MAX:
        return _nth(ask, EntryRange(ask.key, limit=facts.length - keep + 1))
    return None


def _nth(ask: Ask, upto: EntryRange) -> StreamId | None:
    """The last entry of a page; None when what was read weighed too much to get that far."""
    page = ask.server.run(upto)
    return None if page.stopped or not page.items else page.items[-1].id


def count(ask: Ask, overview: StreamOverview, below: StreamId | None) -> Count:
    """How many entries would go."""
    facts = overview.facts
    if "maxlen" not in ask.params:
        return _count_below(ask, facts, below or MIN)
    most = max(0, facts.length - ask.params["maxlen"])
    found = _count_below(ask, facts, below) if below and most else Count(most)
    return Count(min(most, found.value), found.least and found.value < most)


def holds_back(ask: Ask, overview: StreamOverview, need: StreamId, boundary: StreamId | None) -> bool | None:
    """Whether what is needed begins below the bound. None: a length so deep that it cannot be told."""
    if boundary is not None:
        return need < boundary
    facts, keep = overview.facts, int(ask.params["maxlen"])
    most = max(0, facts.length - keep)
    below = _count_below(ask, facts, need)
    if below.value >= most or not below.least:
        return below.value < most
    needed = positions.count(ask, need, MAX)
    return None if needed.least and needed.value <= keep else needed.value > keep


def _count_below(ask: Ask, facts: StreamFacts, below: StreamId) -> Count:
    if facts.last_id is None or facts.first_id is None or facts.first_id >= below:
        return Count(0)
    if facts.last_id < below:
        return Count(facts.length)
    return positions.count(ask, MIN, below.prev())
