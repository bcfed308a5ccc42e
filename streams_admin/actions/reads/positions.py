"""Positions of groups: as people give them, and how many entries lie behind and between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils import timezone

from dashboard.streams.errors import BadId
from dashboard.streams.ids import MIN, StreamId, parse_position
from dashboard.streams.snapshots import GroupFacts, StreamFacts
from streams_admin.actions.base import ActionContext
from streams_admin.actions.reads.entries import pages
from streams_admin.errors import BadParameters

END = "$"
PAGES = 10
"""Pages of entries that one count reads at most, about 40 MB; what lies further is "at least"."""


def parse(raw: Any) -> str:
    """A position as a plan keeps it: "$" or an ID; what comes after it is delivered. Raises BadParameters.

    An ID is taken as Redis takes it: the last one that counts as delivered. A time means what was added from then on.
    """
    text = str(raw).strip()
    if text == END:
        return END
    try:
        return str(StreamId.bound(text))
    except BadId:
        pass
    try:
        return str(parse_position(text, now=timezone.localtime()).prev())
    except BadId as error:
        raise BadParameters(f"position: {error} 0 is the start, $ the end.") from error


def resolve(position: str, facts: StreamFacts | None) -> StreamId:
    """The ID; the end is where the stream ends now, so that what comes later is not skipped."""
    if position == END:
        return facts.last_generated_id if facts else MIN
    return StreamId.parse(position)


def beyond(at: StreamId, facts: StreamFacts | None) -> bool:
    """Whether it lies where no entry has been yet."""
    return at > (facts.last_generated_id if facts else MIN)


@dataclass(frozen=True, slots=True)
class Count:
    """How many; `least`: there are at least that many."""

    value: int
    least: bool = False


def behind(facts: StreamFacts, at: StreamId) -> int | None:
    """Entries after `at` where that is known without reading them: at the end and before the beginning."""
    if facts.last_id is None or facts.first_id is None or at >= facts.last_id:
        return 0
    return facts.length if at < facts.first_id else None


def behind_group(facts: StreamFacts, group: GroupFacts) -> int | None:
    """As `behind`, for a group whose count the server knows for certain."""
    known = behind(facts, group.last_delivered_id)
    if known is not None or group.lag.value is None or group.lag.approximate:
        return known
    if facts.entries_added is None or group.entries_read is None:
        return None
    return max(0, facts.entries_added - group.entries_read)


def count_behind(ctx: ActionContext, facts: StreamFacts, at: StreamId) -> int | None:
    """Entries after `at`, read from there on or up to there, whichever is near; None when both are far."""
    known = behind(facts, at)
    if known is not None:
        return known
    after = count(ctx, at.next(), facts.last_generated_id)
    if not after.least:
        return after.value
    before = count(ctx, MIN, at)
    return None if before.least else max(0, facts.length - before.value)


def count(ctx: ActionContext, start: StreamId, end: StreamId) -> Count:
    """Entries from `start` to `end`, both included, by reading at most PAGES pages."""
    found = 0
    for page in islice(pages(ctx, ctx.key, start, end), PAGES):
        found += len(page.items)
        if page.next is None:
            return Count(found)
    return Count(found, least=True)


def entries_read(facts: StreamFacts | None, left: int | None, *, understood: bool) -> int | None:
    """What ENTRIESREAD has to say so that the server knows the lag: all that were ever added but the `left` ones.

    None where the server does not count (before 7.0 XINFO has no entries-added) or does not know the option.
    """
    if not understood or left is None:
        return None
    if facts is None:
        return 0
    return None if facts.entries_added is None else max(0, facts.entries_added - left)
