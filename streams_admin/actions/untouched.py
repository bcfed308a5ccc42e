"""What was planned and is still as it was seen; and what became of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from dashboard.names import to_path
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import PendingEntry
from streams_admin.actions.base import BATCH, Ask, Batch, Seen
from streams_admin.actions.looking import CLOCK, Looked, ask_all, bodies_of, each_pending, page_of, read_pending
from streams_admin.commands import Held
from streams_admin.which import IDS_MOST, Which, name

SLACK_MS = 3
"""Two readings of one delivery time differ by no more: clock and entries are read in one round trip."""
SLOW_MS = 10_000
"""What is set back by more was released."""


def seen_of(ask: Ask, looked: Looked) -> Seen:
    """The state as the plan keeps it: each entry's, or of long lists by what a match is known to be untouched since."""
    which = Which.parse(ask.params)
    if which.ids or (len(looked.entries) == looked.total <= IDS_MOST and not looked.least):
        return each_seen(looked)
    last = looked.overview.group.last_delivered_id
    highest = min(which.end, max([last, *(e.id for e in looked.entries[-1:])]))
    return {
        "at_ms": looked.overview.now_ms,
        "guard_ms": which.min_idle_ms,
        "end": str(highest),
        "limit": which.limit,
        "total": None if looked.least else looked.total,
    }


def each_seen(looked: Looked) -> Seen:
    """Each entry as it was: holder, delivery count, and when it was delivered."""
    rows = [[str(e.id), to_path(e.consumer), e.deliveries, _delivered_ms(e, looked.read_ms)] for e in looked.entries]
    return {"ids": rows, "absent": [str(i) for i in looked.absent]}


def named(ask: Ask, seen: Seen, cursor: int) -> Batch:
    """The next named entries that are still as they were seen; the rest is settled with the reason."""
    part = seen["ids"][cursor : cursor + BATCH]
    ids = [StreamId.parse(row[0]) for row in part]
    now_ms, *pages = ask_all(ask, CLOCK, *each_pending(ask, ids))
    present = {entry.id: entry for page in pages for entry in page.items}
    work: list[Any] = []
    settled: list[tuple[str, str]] = []
    for row, id_ in zip(part, ids, strict=True):
        entry = present.get(id_)
        if entry is None:
            settled.append((row[0], "already_acknowledged"))
        elif to_path(entry.consumer) != row[1] or entry.deliveries != row[2] or _touched(entry, now_ms, row[3]):
            settled.append((row[0], "owner_changed"))
        else:
            work.append(as_work(entry))
    if cursor == 0:
        settled.extend((text, "not_found") for text in seen["absent"])
    end = cursor + len(part)
    return Batch(work, end, settled, last=end >= len(seen["ids"]))


def _touched(entry: PendingEntry, now_ms: int, delivered_ms: int) -> bool:
    """A plan reads the clock after the entries and a run before them: a slow answer makes deliveries look earlier."""
    return not -SLOW_MS <= _delivered_ms(entry, now_ms) - delivered_ms <= SLACK_MS


def _delivered_ms(entry: PendingEntry, now_ms: int) -> int:
    """When it was last delivered, by the server's clock; 0 when it was released (XNACK) since."""
    return 0 if entry.idle_ms < 0 else now_ms - entry.idle_ms


def matching(ask: Ask, seen: Seen, cursor: Any) -> Batch:
    """The next entries that match the filter and were not touched since the plan was made."""
    which = Which.parse(ask.params)
    start = StreamId.parse(cursor["at"]) if cursor else which.start
    taken = cursor["taken"] if cursor else 0
    since = max(0, ask.server.run(CLOCK) - seen["at_ms"])
    bounded = replace(which, end=StreamId.parse(seen["end"]), min_idle_ms=max(0, seen["guard_ms"] + since - SLACK_MS))
    now_ms, page = ask_all(ask, CLOCK, page_of(ask, bounded, start))
    latest = seen["at_ms"] - seen["guard_ms"] + SLACK_MS
    room = None if seen["limit"] is None else max(0, seen["limit"] - taken)
    work = [as_work(entry) for entry in page.items if _delivered_ms(entry, now_ms) <= latest][:room]
    taken += len(work)
    last = page.next is None or (seen["limit"] is not None and taken >= seen["limit"])
    missing = max(0, seen["total"] - taken) if last and seen["total"] is not None else 0
    at = {"at": str(page.next or start), "taken": taken}
    return Batch(work, at, last=last, passed=Counter(not_found=missing))


def as_work(entry: PendingEntry) -> list[Any]:
    """A pending entry as a batch keeps it."""
    return [str(entry.id), to_path(entry.consumer), entry.deliveries, max(entry.idle_ms, 0)]


def still_holds(entry: PendingEntry, held: Held) -> bool:
    """Whether the same consumer has it, and it was not delivered again."""
    return (entry.consumer, entry.deliveries) == (held.consumer, held.deliveries)


def held(work: Iterable[Sequence[Any]]) -> list[Held]:
    return [Held(StreamId.parse(id_), name("consumer", who), count, idle) for id_, who, count, idle in work]


def why_not(ask: Ask, entries: Sequence[Held]) -> list[tuple[str, str]]:
    """What became of entries that were left alone: gone from the list (with or without a body), or touched."""
    if not entries:
        return []
    pending = {entry.id for entry in read_pending(ask, [e.id for e in entries])}
    absent = [e for e in entries if e.id not in pending]
    there = dict(zip([e.id for e in absent], bodies_of(ask, [e.id for e in absent]), strict=True))
    return [
        (str(e.id), "owner_changed" if e.id in pending else "already_acknowledged" if there[e.id] else "body_gone")
        for e in entries
    ]


def not_done(ask: Ask, entries: Sequence[Held]) -> list[tuple[str, str]]:
    """What became of work whose outcome was lost and that shows no sign of it: "failed" where it is as it was."""
    now = {entry.id: entry for entry in read_pending(ask, [e.id for e in entries])}
    same = [e for e in entries if e.id in now and still_holds(now[e.id], e)]
    return [*((str(e.id), "failed") for e in same), *why_not(ask, [e for e in entries if e not in same])]
