"""IDs that an entry which is added will have, chosen and saved before it is sent.

XADD refuses an ID that is not above the last one of the stream. So an entry that was sent with an ID of its own cannot
be added twice: not by a runner that was stopped and goes on, not by a packet that arrives late, not by sending it
again. And whether it was added can be read: nobody else uses these numbers, and a stream's last ID never falls.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.streams.errors import ServerRefused
from dashboard.streams.ids import MIN, TOP, StreamId
from dashboard.streams.queries import EntryRange
from dashboard.streams.snapshots import StreamFacts
from streams_admin.actions.context import Scope
from streams_admin.actions.reads.entries import stream_facts
from streams_admin.actions.reads.pending import CLOCK

AHEAD_MS = 200
"""How far ahead of the server's clock the IDs are, so that what others add until then does not go past them."""
EXHAUSTED = "The stream has reached the highest possible ID: nothing can be added to it."
LOWEST_NUMBER, NUMBERS = 2**20, 2**31
"""The sequence number of the first one is drawn from here: `*` counts from 0 in each millisecond."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Where entries will stand in a stream: from `first` on, one number after the other. `since`: its last ID then."""

    first: StreamId
    since: StreamId

    def ids(self, many: int) -> list[StreamId]:
        return [StreamId(self.first.ms, self.first.seq + n) for n in range(many)]


def reserve(scope: Scope, key: bytes) -> Reservation:
    """IDs above all that the stream has, and above what others will add in the next AHEAD_MS. Raises StreamError."""
    facts, now_ms = stream_facts(scope, key), scope.server.run(CLOCK)
    last = facts.last_generated_id if facts else MIN
    number = LOWEST_NUMBER + secrets.randbelow(NUMBERS)
    clock = StreamId(now_ms + AHEAD_MS, number)
    if clock > last:
        return Reservation(clock, last)
    if last.seq + number < TOP - NUMBERS:
        return Reservation(StreamId(last.ms, last.seq + number), last)
    if last.ms == TOP:
        raise ServerRefused(EXHAUSTED)
    return Reservation(StreamId(last.ms + 1, number), last)


def reserve_in(scope: Scope, key: bytes, ms: int) -> Reservation:
    """The next ID of these milliseconds, as `<ms>-*` of XADD gives it."""
    facts = stream_facts(scope, key)
    last = facts.last_generated_id if facts else MIN
    return Reservation(following(last, ms), last)


def following(last: StreamId, ms: int) -> StreamId:
    """The first ID of these milliseconds behind the last one of a stream; 0-0 is none."""
    return last.next() if last.ms == ms else StreamId(ms, 1 if ms == 0 else 0)


def arrived(scope: Scope, key: bytes, ids: Sequence[StreamId], since: StreamId) -> dict[StreamId, str]:
    """Whether each was added: "done", "failed" (it was not, and only sending it again can add it), or "unknown".

    `ids`: ascending, sent in one step that ends where one is refused; `since`: the stream's last ID before. What was
    added may have been trimmed, or deleted by who has processed it: behind the last one that certainly was added, an
    entry is called failed only where the stream's own counts leave no room for that.
    """
    facts = stream_facts(scope, key)
    if facts is None and since == MIN:
        return dict.fromkeys(ids, "failed")  # it was not there before, and is not there now
    if facts is None or facts.last_generated_id < since:
        return dict.fromkeys(ids, "unknown")  # deleted since, and perhaps begun anew
    last = facts.last_generated_id
    reached = last if last <= ids[-1] else _newest(scope, key, ids[0], ids[-1])
    return {id_: "done" if reached and id_ <= reached else _why_absent(facts, id_) for id_ in ids}


def _newest(scope: Scope, key: bytes, start: StreamId, end: StreamId) -> StreamId | None:
    items = scope.server.run(EntryRange(key, start, end, newest_first=True, limit=1)).items
    return items[0].id if items else None


def _why_absent(facts: StreamFacts, id_: StreamId) -> str:
    if facts.last_generated_id < id_:
        return "failed"
    untrimmed = facts.first_id is not None and facts.first_id < id_
    undeleted = facts.max_deleted_id is not None and facts.max_deleted_id < id_
    return "failed" if untrimmed and undeleted else "unknown"
