"""Is a stream still the one we were reading? Pure judgement over what XINFO STREAM says.

XREAD tells nothing of DEL, of a stream that was made anew with lower IDs, or of what was trimmed before it was read:
it simply stays silent. So the position is compared with the stream again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboard.streams.errors import Gone
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import StreamFacts

Reason = Literal["trimmed", "recreated", "deleted", "failover"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Read up to `at`. `added`: what entries-added was at that ID; None where the server (before 7.0) has none."""

    at: StreamId
    added: int | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Reset:
    """What was read before does not go on seamlessly. `lost`: entries that cannot be read any more, None: unknown."""

    reason: Reason
    lost: int | None
    goes_on: Cursor


def start(found: StreamFacts | Gone, run_id: str) -> Cursor:
    """The end of the stream; the very beginning while there is none."""
    if isinstance(found, Gone):
        return Cursor(MIN, 0, run_id)
    return Cursor(found.last_generated_id, found.entries_added, run_id)


def judge(cursor: Cursor, found: StreamFacts | Gone, run_id: str, *, absent: bool) -> Reset | None:
    """None while everything goes on. `absent`: we were not reading just now, so a trim may have passed us."""
    if isinstance(found, Gone):
        return Reset("deleted", None, start(found, run_id)) if cursor.at > MIN else None
    if _went_back(cursor, found):
        return _went_back_why(cursor, found, run_id)
    lost = _passed(cursor, found, absent=absent)
    if lost == 0:
        return None
    added = None if lost is None or cursor.added is None else cursor.added + lost
    return Reset("trimmed", lost, Cursor(cursor.at, added, run_id))


def _went_back(cursor: Cursor, found: StreamFacts) -> bool:
    fewer = None not in (found.entries_added, cursor.added) and found.entries_added < cursor.added  # type: ignore[operator]
    return found.last_generated_id < cursor.at or fewer


def _went_back_why(cursor: Cursor, found: StreamFacts, run_id: str) -> Reset:
    """Another server process that knows less: a replica that was behind, or a restart from an older file."""
    if run_id != cursor.run_id and found.last_generated_id <= cursor.at and found.last_generated_id > MIN:
        known = cursor.added is not None and found.entries_added is not None
        lost = cursor.added - found.entries_added if known else None  # type: ignore[operator]
        return Reset("failover", lost, start(found, run_id))
    return Reset("recreated", None, Cursor(MIN, 0, run_id))


def _passed(cursor: Cursor, found: StreamFacts, *, absent: bool) -> int | None:
    """How many entries after the cursor were trimmed or deleted before they could be read."""
    nothing_new = found.last_generated_id == cursor.at
    if nothing_new or cursor.at == MIN or (found.first_id is not None and found.first_id <= cursor.at):
        return 0
    if found.entries_added is None or cursor.added is None:
        return None if absent else 0
    return max(0, found.entries_added - cursor.added - found.length)


def synced(cursor: Cursor, found: StreamFacts, run_id: str) -> Cursor:
    """At the end of the stream the count is exact again; entries deleted before we read them made it fall behind."""
    added = found.entries_added if found.last_generated_id == cursor.at else cursor.added
    return Cursor(cursor.at, added, run_id)


def behind(cursor: Cursor, found: StreamFacts) -> int:
    """How many entries are there to be read; 0 where the server does not count."""
    if found.entries_added is None or cursor.added is None:
        return 0
    return found.entries_added - cursor.added
