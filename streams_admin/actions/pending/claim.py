"""Claim: give pending entries to another consumer, which sees them when it reads its own pending list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.display.format import age, number
from dashboard.streams.errors import OutcomeUnknown, StreamError
from dashboard.streams.names import plain
from dashboard.streams.queries import Command, Query
from dashboard.streams.snapshots import GroupOverview, PendingEntry
from streams_admin import writes
from streams_admin.actions.context import ActionContext
from streams_admin.actions.lines import lines
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.claim_form import QUIET_MS, ClaimForm
from streams_admin.actions.pending.unchanged import lease_batches, leases, not_done, why_not
from streams_admin.actions.pending.words import busy_note, ghost_note, guard_note, owners, per_consumer, preview_of
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.entries import bodies_of
from streams_admin.actions.reads.pending import (
    CLOCK,
    SLACK_MS,
    PendingBatch,
    PendingWork,
    ask_all,
    each_pending,
    group_overview,
    read_pending,
)
from streams_admin.actions.reads.snapshots import Looked, PendingSeen
from streams_admin.actions.work import Done, Place, ids_of
from streams_admin.errors import BadParameters, Changed
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.pending import ClaimParams
from streams_admin.writes import Lease, LeaseBatch

Context = ActionContext[ClaimParams]


class Claim(PendingAction[ClaimParams]):
    model = ClaimParams
    slug = "claim"
    label = "Claim…"
    permission = Permission.CLAIM
    literal = True

    def looked(self, ctx: Context) -> Looked:
        """Without what is too young. With `force` also named entries that are in the stream and not pending."""
        looked = self._idle_enough(ctx, super().looked(ctx))
        if (ctx.params.time_ms or 0) > looked.overview.now_ms:
            raise BadParameters("time_ms is later than the server's clock; Redis would use the current time instead.")
        if not ctx.params.force:
            return looked
        there = bodies_of(ctx, looked.absent)
        forced = tuple(id_ for id_, body in zip(looked.absent, there, strict=True) if body)
        absent = tuple(id_ for id_ in looked.absent if id_ not in forced)
        return replace(looked, forced=forced, absent=absent, total=looked.total + len(forced))

    def _idle_enough(self, ctx: Context, looked: Looked) -> Looked:
        """Named entries that are too young are no part of the plan; a filter has left them out already."""
        least_ms = ctx.params.min_idle_ms or 0
        kept = tuple(entry for entry in looked.entries if not 0 <= entry.idle_ms < least_ms)
        if not ctx.params.named or len(kept) == len(looked.entries):
            return looked
        if not kept and not ctx.params.force:
            raise Changed(f"None of the pending entries has been idle for {age(least_ms)}.")
        ghosts = sum(entry.body == "gone" for entry in kept)
        known = sum(entry.body in ("present", "gone") for entry in kept)
        return replace(looked, entries=kept, total=len(kept), ghosts=ghosts, bodies_looked=known)

    def preview(self, ctx: Context, looked: Looked) -> Preview:
        to = ctx.params.to
        moved = {n: count for n, count in owners(looked).items() if n != to}
        gain = {**{n: -count for n, count in moved.items()}, to: sum(moved.values()) + len(looked.forced)}
        pending = looked.overview.pending.count
        return preview_of(
            looked,
            "Claim",
            _sentence(ctx, looked, to, moved),
            about=f" for {plain(to)}",
            notes=[
                *_young_note(ctx, looked),
                *_already_note(ctx.params, looked, to),
                *_target_notes(to, looked.overview),
                *busy_note(looked),
                *ghost_note(
                    looked, "Redis 7 and later, and Valkey, remove them from the pending list when they are claimed."
                ),
                *_option_notes(ctx.params),
                guard_note(looked),
            ],
            changes=[
                *per_consumer(looked, gain),
                Change("all", pending, pending + len(looked.forced)),
            ],
            redis_cli=_lines(ctx, looked, to),
        )

    def remember(self, ctx: Context, looked: Looked, seen: PendingSeen) -> PendingSeen:
        """Whether the target was there: a consumer that vanished since gets nothing."""
        target = any(c.name == ctx.params.to for c in looked.overview.consumers)
        return replace(seen, target=target, forced=looked.forced)

    def still(self, ctx: Context, seen: PendingSeen, overview: GroupOverview) -> str:
        to = ctx.params.to
        if seen.target and not any(c.name == to for c in overview.consumers):
            return f"The consumer {plain(to)} no longer exists."
        return ""

    def batch(self, ctx: Context, seen: PendingSeen, cursor: Place | None) -> PendingBatch:
        """Those that are to be made pending come first, as far as nobody has got them meanwhile."""
        batch = super().batch(ctx, seen, cursor)
        if cursor or not seen.forced:
            return batch
        got = {str(e.id) for e in read_pending(ctx, seen.forced)}
        free = [PendingWork(str(id_), b"", 0, 0) for id_ in seen.forced if str(id_) not in got]
        return replace(batch, work=[*free, *batch.work], settled=[*batch.settled, *((i, "owner_changed") for i in got)])

    def reading(self, ctx: Context, seen: PendingSeen, cursor: Place | None) -> Query[PendingBatch] | None:
        return super().reading(ctx, seen, cursor) if cursor or not seen.forced else None

    def act(self, ctx: Context, seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        to, marked, new = ctx.params.to, ctx.params.marked, {str(id_) for id_ in seen.forced}
        parts = lease_batches(work)
        forced = [part for part in parts if part.ids in new]
        others = [part for part in parts if part.ids not in new and (marked or part.consumer != to)]
        claimed = self._claim(ctx, to, others) if others else []
        claimed += self._force(ctx, to, forced, after=bool(claimed)) if forced else []
        if len(claimed) == sum(part.count for part in (*forced, *others)):
            return Done.uniform("done", work)
        got = {id_.decode() for id_ in claimed}
        left = [e for part in (*forced, *others) for e in part.each() if str(e.id) not in got]
        rest = {str(e.id) for e in left}
        return Done.of([*((id_, "done") for id_ in ids_of(work) if id_ not in rest), *why_not(ctx, left)])

    def _force(self, ctx: Context, to: bytes, parts: list[LeaseBatch], *, after: bool) -> list[bytes]:
        """Refused after others were claimed, it has to be found out what was done."""
        try:
            return self._claim(ctx, to, parts, force=True)
        except StreamError as error:
            if after:
                raise OutcomeUnknown(error.message) from error
            raise

    def _claim(self, ctx: Context, to: bytes, parts: list[LeaseBatch], *, force: bool = False) -> list[bytes]:
        words = [
            command
            for some in ([parts] if force else _by_guard(parts))
            for command in _argv(ctx, to, min(part.idle_ms for part in some), some, force=force)
        ]
        return writes.claim(ctx.server, words)

    def reconcile(self, ctx: Context, seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        to, entries = ctx.params.to, leases(work)
        now_ms, *pages = ask_all(ctx, CLOCK, *each_pending(ctx, [e.id for e in entries]))
        now = {entry.id: entry for page in pages for entry in page.items}
        theirs = [e for e in entries if e.id in now and now[e.id].consumer == to]
        moved = {e.id for e in theirs if _shows(ctx.params, e, now[e.id], now_ms)}
        unmade = {e.id for e in entries if e.id in seen.forced and e.id not in now}
        known = {e.id: "done" if e.id in moved else "failed" for e in entries if e.id in moved | unmade}
        left = not_done(ctx, [e for e in entries if e.id not in known], now)
        return Done.of([*((str(id_), result) for id_, result in known.items()), *left])

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        overview = group_overview(ctx, ctx.params.of_group.group)
        return ClaimForm(data, overview=overview, losing=_losing(ctx.params), named=ctx.params.ids is not None)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        chosen = dict(form.cleaned_data)
        chosen["to"] = chosen.pop("new") or chosen["to"]
        return {**self.addressed(ctx.params), **chosen}


def _shows(params: ClaimParams, before: Lease, now: PendingEntry, now_ms: int) -> bool:
    """Whether an entry that is with the consumer now shows that it was claimed: by what was to be set with it."""
    if params.bump and now.deliveries <= before.deliveries:
        return False
    if params.retrycount not in (None, now.deliveries):
        return False
    if before.consumer != now.consumer:
        return True
    if params.time_ms is not None:
        return abs(now_ms - now.idle_ms - params.time_ms) <= SLACK_MS
    if params.idle_ms is not None:
        idle_ms = params.idle_ms
        return now.idle_ms >= idle_ms and (idle_ms > before.idle_ms or now.idle_ms < before.idle_ms)
    return True


def _by_guard(parts: Sequence[LeaseBatch]) -> list[list[LeaseBatch]]:
    """Parts whose least idle time guards them all.

    What belongs to nobody has no idle time: it is as old as its reading, and who got it since got it later than that.
    """
    owned = [part for part in parts if part.consumer]
    return [*([owned] if owned else []), *([part] for part in parts if not part.consumer)]


def _losing(address: Address) -> set[bytes]:
    """Consumers that the address says the entries are taken from."""
    consumer = address.filter.consumer if address.filter else None
    return set() if consumer is None else {consumer}


def _sentence(ctx: Context, looked: Looked, to: bytes, moved: Mapping[bytes, int]) -> str:
    """Whose entries go where. Where only a part was looked at, others may have some too."""
    group, who = plain(ctx.params.group), plain(to)
    if moved:
        least = "" if looked.all_known else "at least "
        from_whom = plain(next(iter(moved))) or "nobody" if len(moved) == 1 else f"{least}{len(moved)} consumers"
        return f"Moves pending entries of {from_whom} in {group} to {who}."
    if not looked.all_known:
        return f"Moves those held by other consumers of {group} to {who}."
    if looked.forced:
        return f"Makes entries that are not pending in {group} pending with {who}."
    return f"{who} already holds all of them: no owner changes."


def _young_note(ctx: Context, looked: Looked) -> list[Note]:
    """Of named entries those that the least idle time leaves out."""
    left = len(ctx.params.named) - len(looked.entries) - len(looked.absent) - len(looked.forced)
    if left <= 0:
        return []
    verb, least = "is" if left == 1 else "are", age(ctx.params.min_idle_ms)
    return [
        Note(
            "late",
            f"{number(left)} of the selected entries {verb} left out",
            f"Idle for less than {least}, as requested.",
        )
    ]


def _already_note(params: ClaimParams, looked: Looked, to: bytes) -> list[Note]:
    """Where nothing moves: what happens to the entries all the same."""
    if not looked.all_known or set(owners(looked)) != {to}:
        return []
    text = "Their idle time and delivery count stay. They are reported as done."
    if params.marked:
        kept = params.keep_idle or params.idle_ms is not None or params.time_ms is not None
        text = "Idle time and delivery count are set as chosen."
        text = text if kept else "Idle time resets to 0 and the delivery count is set as chosen."
    return [Note("late", f"{plain(to)} already holds them", text)]


def _target_notes(to: bytes, overview: GroupOverview) -> list[Note]:
    target = next((c for c in overview.consumers if c.name == to), None)
    notes = []
    if target is None:
        notes.append(
            Note(
                "late",
                f"{plain(to)} does not exist yet",
                "Redis creates the consumer. Is a worker with that name running?",
            )
        )
    elif target.idle_ms >= QUIET_MS:
        notes.append(Note("late", f"{plain(to)} has not read for {age(target.idle_ms)}", "It may be gone too."))
    text = "It sees claimed entries when it reads its own pending list (XREADGROUP with 0 instead of >)."
    notes.append(Note("late", f"{plain(to)} won't be notified", text, instead="release"))
    return notes


def _option_notes(params: ClaimParams) -> list[Note]:
    notes = []
    if params.idle_ms is not None or params.time_ms is not None:
        by_time = f"since {params.time_ms} (ms since 1970)"
        since = by_time if params.idle_ms is None else f"for {age(params.idle_ms)}"
        text = "Workers that claim idle entries (XAUTOCLAIM) may take them at once."
        notes.append(Note("late", f"They count as idle {since}", text))
    if params.retrycount is not None:
        text = "Workers that give up after a number of deliveries go by this count."
        notes.append(Note("late", f"The delivery count is set to {number(params.retrycount)}", text))
    if params.force:
        notes.append(
            Note("stuck", "FORCE also takes entries that are not pending", "Including entries acknowledged long ago.")
        )
    if params.bump:
        notes.append(
            Note("", "The delivery count is incremented", "Workers that give up after a number of deliveries go by it.")
        )
    return notes


def _lines(ctx: Context, looked: Looked, to: bytes) -> list[str]:
    """Of what is to be made pending in a command of its own: only that one says FORCE."""
    forced = [LeaseBatch(str(id_), b"", 0, 0) for id_ in looked.forced]
    skipped = 0 if ctx.params.marked else owners(looked).get(to, 0)
    sent = [e for e in looked.entries if not skipped or e.consumer != to]
    entries = [LeaseBatch(str(e.id), e.consumer, e.deliveries, max(0, e.idle_ms)) for e in sent]
    total = looked.total - len(forced) - skipped
    found = lines(partial(_argv, ctx, to, looked.guard_ms), entries, total) if entries else []
    return found + (lines(partial(_argv, ctx, to, 0, force=True), forced, len(forced)) if forced else [])


def _argv(ctx: Context, to: bytes, guard_ms: int, parts: Sequence[LeaseBatch], *, force: bool = False) -> list[Command]:
    guard = 0 if force else max(guard_ms, ctx.params.min_idle_ms or 0)
    params = ctx.params
    marks = writes.Marks(params.bump, params.keep_idle, params.idle_ms, params.time_ms, params.retrycount)
    return writes.claims(ctx.key, ctx.params.group, to, parts, marks, min_idle_ms=guard, force=force)
