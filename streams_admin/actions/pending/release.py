"""Release: make pending entries claimable at once, without choosing who gets them.

XNACK where the server has it (the entry then belongs to nobody). Elsewhere each entry is claimed for the consumer that
holds it already, as if it had been idle for a day: workers that look for idle entries (XAUTOCLAIM) take it next time.
The delivery count stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dashboard.accounts.permissions import Permission
from dashboard.display.format import HOUR, age
from dashboard.streams.names import plain
from dashboard.streams.queries import Command
from dashboard.streams.snapshots import PendingEntry
from streams_admin import writes
from streams_admin.actions.base import Ask, Change, Done, Note, Preview, Seen
from streams_admin.actions.lines import lines
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.unchanged import held, still_holds, why_not
from streams_admin.actions.pending.words import busy_note, ghost_note, guard_note, owners, per_consumer, preview_of
from streams_admin.actions.reads.pending import Looked, group_of, read_pending
from streams_admin.writes import Held

RELEASED_MS = 24 * HOUR
"""The idle time that is given where there is no XNACK: longer than any worker waits before it claims."""
RESULT = {1: "done", 0: "already_acknowledged", -1: "owner_changed", -2: "body_gone"}


class Release(PendingAction):
    slug = "release"
    label = "Release…"
    permission = Permission.RELEASE

    def preview(self, ask: Ask, looked: Looked) -> Preview:
        now = looked.overview.pending.count
        return preview_of(
            looked,
            "Release",
            f"Lets any worker of {plain(group_of(ask))} claim them at once, whoever holds them now.",
            notes=[
                *busy_note(looked),
                *ghost_note(looked, "Redis 7 and later, and Valkey, drop them from the pending list."),
                *_how(ask),
                guard_note(looked),
            ],
            changes=[
                *per_consumer(looked, _gain(ask, looked)),
                Change("all", now, now),
                Change("least idle", looked.guard_ms, None if _nacks(ask) else RELEASED_MS, _idle_note(ask), "ms"),
            ],
            redis_cli=_lines(ask, looked),
        )

    def act(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        entries = held(work)
        ready = [] if _nacks(ask) else [e for e in entries if _claimable(e)]
        others = entries if _nacks(ask) else [e for e in entries if not _claimable(e)]
        replies = _release(ask, others) if others else []
        results = [(str(e.id), RESULT[int(r)]) for e, r in zip(others, replies, strict=True)]
        return Done.of([(str(e.id), "done") for e in ready] + results)

    def settle(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        entries = held(work)
        now = {entry.id: entry for entry in read_pending(ask, [e.id for e in entries])}
        done = [(str(e.id), "done") for e in entries if e.id in now and _claimable(now[e.id])]
        same = [e for e in entries if e.id in now and not _claimable(now[e.id]) and still_holds(now[e.id], e)]
        known = {id_ for id_, _ in done} | {str(e.id) for e in same}
        rest = why_not(ask, [e for e in entries if str(e.id) not in known])
        return Done.of([*done, *((str(e.id), "failed") for e in same), *rest])


def _claimable(entry: Held | PendingEntry) -> bool:
    """Whether it was released, or is idle for so long that anybody may claim it."""
    return entry.idle_ms < 0 or entry.idle_ms >= RELEASED_MS


def _release(ask: Ask, entries: list[Held]) -> list[int]:
    if _nacks(ask):
        return writes.nack(ask.server, ask.key, group_of(ask), entries)
    return writes.release(ask.server, ask.key, group_of(ask), entries, idle_ms=RELEASED_MS)


def _nacks(ask: Ask) -> bool:
    return ask.server.capabilities().has("xnack")


def _gain(ask: Ask, looked: Looked) -> dict[bytes, int]:
    """XNACK takes entries from their consumers; XCLAIM leaves them where they are."""
    if not _nacks(ask):
        return dict.fromkeys(owners(looked), 0)
    taken = {n: -count for n, count in owners(looked).items()}
    return {**taken, b"": taken.get(b"", 0) - sum(taken.values())}


def _how(ask: Ask) -> list[Note]:
    next_look = "Workers that claim idle entries (XAUTOCLAIM) take them at their next look; others never do."
    if _nacks(ask):
        return [Note("", "They belong to nobody until a worker claims them", next_look)]
    missing = ask.server.capabilities().missing("xnack")
    how = f"Each entry is claimed for the consumer that holds it: the server has no XNACK ({missing})."
    return [
        Note("", f"They stay where they are, as idle for {age(RELEASED_MS)}", next_look),
        Note("late", "Their consumers will look as if they had just read", how),
    ]


def _idle_note(ask: Ask) -> str:
    return "released" if _nacks(ask) else ""


def _lines(ask: Ask, looked: Looked) -> list[str]:
    return lines(partial(_words, ask), looked.entries, looked.total)


def _words(ask: Ask, entries: Sequence[PendingEntry]) -> list[Command]:
    group = group_of(ask)
    if _nacks(ask):
        return [writes.nack_words(ask.key, group, [e.id for e in entries])]
    return [
        writes.claim_words(ask.key, group, e.consumer, max(0, e.idle_ms), [e.id], "IDLE", RELEASED_MS) for e in entries
    ]
