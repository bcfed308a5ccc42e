"""Positions of groups: as people give them, and how many entries lie behind and between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import GroupFacts, StreamFacts
from streams_admin.actions.context import Scope
from streams_admin.actions.reads.ages import check_moment
from streams_admin.actions.reads.entries import pages

PAGES = 10
"""Pages of entries that one count reads at most, about 40 MB; what lies further is "at least"."""


def resolve(position: str | StreamId, facts: StreamFacts | None) -> StreamId:
    """The ID; the end is where the stream ends now, so that what comes later is not skipped.

    Raises BadParameters for a time where IDs are no times.
    """
    if isinstance(position, StreamId):
        check_moment(position, facts)
        return position
    return facts.last_generated_id if facts else MIN


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


def count_behind(scope: Scope, facts: StreamFacts, at: StreamId) -> int | None:
    """Entries after `at`, read from there on or up to there, whichever is near; None when both are far."""
    known = behind(facts, at)
    if known is not None:
        return known
    after = count(scope, at.next(), facts.last_generated_id)
    if not after.least:
        return after.value
    before = count(scope, MIN, at)
    return None if before.least else max(0, facts.length - before.value)


def count(scope: Scope, start: StreamId, end: StreamId) -> Count:
    """Entries from `start` to `end`, both included, by reading at most PAGES pages."""
    found = 0
    for page in islice(pages(scope, scope.key, start, end), PAGES):
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
