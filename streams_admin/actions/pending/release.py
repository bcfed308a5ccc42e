"""Release: make pending entries claimable at once, without choosing who gets them.

XNACK where the server has it (the entry then belongs to nobody). Elsewhere each entry is claimed for the consumer that
holds it already, as if it had been idle for a day: workers that look for idle entries (XAUTOCLAIM) take it next time.
The delivery count stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dashboard.accounts.permissions import Permission
from dashboard.display.format import HOUR, age
from dashboard.streams.names import plain
from dashboard.streams.queries import Command
from dashboard.streams.snapshots import PendingEntry
from streams_admin import writes
from streams_admin.actions.context import ActionContext
from streams_admin.actions.lines import lines
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.unchanged import leases, still_holds, why_not
from streams_admin.actions.pending.words import busy_note, ghost_note, guard_note, owners, per_consumer, preview_of
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.pending import PendingWork, read_pending
from streams_admin.actions.reads.snapshots import Looked, PendingSeen
from streams_admin.actions.work import Done
from streams_admin.params.pending import ReleaseParams
from streams_admin.writes import Lease

RELEASED_MS = 24 * HOUR
"""The idle time that is given where there is no XNACK: longer than any worker waits before it claims."""
RESULT = {1: "done", 0: "already_acknowledged", -1: "owner_changed", -2: "body_gone"}


class Release(PendingAction[ReleaseParams]):
    model = ReleaseParams
    slug = "release"
    label = "Release…"
    permission = Permission.RELEASE

    def preview(self, ctx: ActionContext[ReleaseParams], looked: Looked) -> Preview:
        now = looked.overview.pending.count
        return preview_of(
            looked,
            "Release",
            f"Lets any worker of {plain(ctx.params.group)} claim them at once, whoever holds them now.",
            notes=[
                *busy_note(looked),
                *ghost_note(looked, "Redis 7 and later, and Valkey, remove them from the pending list."),
                *_how(ctx),
                guard_note(looked),
            ],
            changes=[
                *per_consumer(looked, _gain(ctx, looked)),
                Change("all", now, now),
                Change(
                    "shortest idle time", looked.guard_ms, None if _nacks(ctx) else RELEASED_MS, _idle_note(ctx), "ms"
                ),
            ],
            redis_cli=_lines(ctx, looked),
        )

    def act(self, ctx: ActionContext[ReleaseParams], seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        entries = leases(work)
        ready = [] if _nacks(ctx) else [e for e in entries if _claimable(e)]
        others = entries if _nacks(ctx) else [e for e in entries if not _claimable(e)]
        replies = _release(ctx, others) if others else []
        results = [(str(e.id), RESULT[int(r)]) for e, r in zip(others, replies, strict=True)]
        return Done.of([(str(e.id), "done") for e in ready] + results)

    def reconcile(self, ctx: ActionContext[ReleaseParams], seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        entries = leases(work)
        now = {entry.id: entry for entry in read_pending(ctx, [e.id for e in entries])}
        done = [(str(e.id), "done") for e in entries if e.id in now and _claimable(now[e.id])]
        same = [e for e in entries if e.id in now and not _claimable(now[e.id]) and still_holds(now[e.id], e)]
        known = {id_ for id_, _ in done} | {str(e.id) for e in same}
        rest = why_not(ctx, [e for e in entries if str(e.id) not in known], now)
        return Done.of([*done, *((str(e.id), "failed") for e in same), *rest])


def _claimable(entry: Lease | PendingEntry) -> bool:
    """Whether it was released, or is idle for so long that anybody may claim it."""
    return entry.idle_ms < 0 or entry.idle_ms >= RELEASED_MS


def _release(ctx: ActionContext[ReleaseParams], entries: list[Lease]) -> list[int]:
    if _nacks(ctx):
        return writes.nack(ctx.server, ctx.key, ctx.params.group, entries)
    return writes.release(ctx.server, ctx.key, ctx.params.group, entries, idle_ms=RELEASED_MS)


def _nacks(ctx: ActionContext[ReleaseParams]) -> bool:
    return ctx.server.capabilities().has("xnack")


def _gain(ctx: ActionContext[ReleaseParams], looked: Looked) -> dict[bytes, int]:
    """XNACK takes entries from their consumers; XCLAIM leaves them where they are."""
    if not _nacks(ctx):
        return dict.fromkeys(owners(looked), 0)
    taken = {n: -count for n, count in owners(looked).items()}
    return {**taken, b"": taken.get(b"", 0) - sum(taken.values())}


def _how(ctx: ActionContext[ReleaseParams]) -> list[Note]:
    next_look = "Workers that claim idle entries (XAUTOCLAIM) take them on their next pass; other workers never do."
    if _nacks(ctx):
        return [Note("", "Nobody holds them until a worker claims them", next_look)]
    missing = ctx.server.capabilities().missing("xnack")
    how = f"Each entry is claimed for its current owner: the server has no XNACK ({missing})."
    return [
        Note("", f"They keep their owner and count as idle for {age(RELEASED_MS)}", next_look),
        Note("late", "Their consumers will look as if they had just read", how),
    ]


def _idle_note(ctx: ActionContext[ReleaseParams]) -> str:
    return "released" if _nacks(ctx) else ""


def _lines(ctx: ActionContext[ReleaseParams], looked: Looked) -> list[str]:
    return lines(partial(_argv, ctx), looked.entries, looked.total)


def _argv(ctx: ActionContext[ReleaseParams], entries: Sequence[PendingEntry]) -> list[Command]:
    group = ctx.params.group
    if _nacks(ctx):
        return [writes.nack_argv(ctx.key, group, [e.id for e in entries])]
    return [
        writes.claim_argv(ctx.key, group, e.consumer, max(0, e.idle_ms), [e.id], "IDLE", RELEASED_MS) for e in entries
    ]
