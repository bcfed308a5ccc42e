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
from dashboard.streams.ids import StreamId
from dashboard.streams.names import plain, to_path
from dashboard.streams.queries import Command, Query
from dashboard.streams.snapshots import GroupOverview, PendingEntry
from streams_admin import writes
from streams_admin.actions.base import ActionContext, Batch, Change, Done, Note, Params, Preview, Seen, ids_of
from streams_admin.actions.lines import lines
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.claim_form import QUIET_MS, ClaimForm
from streams_admin.actions.pending.unchanged import SLACK_MS, lease_batches, leases, not_done, why_not
from streams_admin.actions.pending.words import busy_note, ghost_note, guard_note, owners, per_consumer, preview_of
from streams_admin.actions.reads.pending import (
    CLOCK,
    Looked,
    ask_all,
    bodies_of,
    each_pending,
    group_of,
    group_overview,
    read_pending,
)
from streams_admin.errors import BadParameters, Changed
from streams_admin.params.which import Which, name, truth, whole
from streams_admin.writes import Lease, LeaseBatch

NUMBERS = {"min_idle_ms": 10**15, "idle_ms": 10**12, "time_ms": 10**15, "retrycount": 10**15}
"""Options that are whole numbers, and the most of each. Redis makes 0 of an idle time that began before 1970."""
MARKS = ("bump", "keep_idle", "idle_ms", "time_ms", "retrycount")
"""Options that say what the entries look like afterwards."""
TWICE = (("idle_ms", "time_ms"), ("idle_ms", "keep_idle"), ("time_ms", "keep_idle"), ("retrycount", "bump"))
"""Options that would contradict each other."""


class Claim(PendingAction):
    slug = "claim"
    label = "Claim…"
    permission = Permission.CLAIM
    literal = True

    def options(self, raw: Mapping[str, Any]) -> Params:
        if raw.get("to") in (None, ""):
            raise BadParameters("to is missing: the new owner of the entries.")
        flags = {flag: truth(flag, raw[flag]) for flag in ("bump", "keep_idle", "force") if raw.get(flag)}
        if flags.get("force") and "ids" not in raw:
            raise BadParameters("force needs ids: it also takes entries that are not pending, so they must be named.")
        numbers = {key: whole(key, raw[key], most=most) for key, most in NUMBERS.items() if raw.get(key) is not None}
        for first, second in TWICE:
            if {first, second} <= {*flags, *numbers}:
                raise BadParameters(f"Give either {first} or {second}, not both.")
        return {"to": to_path(name("to", raw["to"])), **numbers, **flags}

    def which(self, raw: Mapping[str, Any]) -> Params:
        """Of a filter's least idle time and that of the claim, the larger one counts."""
        which = Which.parse(raw)
        if which.ids or raw.get("min_idle_ms") is None:
            return which.to_json()
        least_ms = whole("min_idle_ms", raw["min_idle_ms"])
        return replace(which, min_idle_ms=max(which.min_idle_ms, least_ms)).to_json()

    def looked(self, ctx: ActionContext) -> Looked:
        """Without what is too young. With `force` also named entries that are in the stream and not pending."""
        looked = self._idle_enough(ctx, super().looked(ctx))
        if ctx.params.get("time_ms", 0) > looked.overview.now_ms:
            raise BadParameters("time_ms is later than the server's clock; Redis would use the current time instead.")
        if not ctx.params.get("force"):
            return looked
        there = bodies_of(ctx, looked.absent)
        forced = tuple(id_ for id_, body in zip(looked.absent, there, strict=True) if body)
        absent = tuple(id_ for id_ in looked.absent if id_ not in forced)
        return replace(looked, forced=forced, absent=absent, total=looked.total + len(forced))

    def _idle_enough(self, ctx: ActionContext, looked: Looked) -> Looked:
        """Named entries that are too young are no part of the plan; a filter has left them out already."""
        least_ms = ctx.params.get("min_idle_ms", 0)
        kept = tuple(entry for entry in looked.entries if not 0 <= entry.idle_ms < least_ms)
        if "ids" not in ctx.params or len(kept) == len(looked.entries):
            return looked
        if not kept and not ctx.params.get("force"):
            raise Changed(f"None of the pending entries has been idle for {age(least_ms)}.")
        ghosts = sum(entry.body == "gone" for entry in kept)
        known = sum(entry.body in ("present", "gone") for entry in kept)
        return replace(looked, entries=kept, total=len(kept), ghosts=ghosts, bodies_looked=known)

    def preview(self, ctx: ActionContext, looked: Looked) -> Preview:
        to = name("to", ctx.params["to"])
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

    def remember(self, ctx: ActionContext, looked: Looked) -> Seen:
        """Whether the target was there: a consumer that vanished since gets nothing."""
        target = any(c.name == name("to", ctx.params["to"]) for c in looked.overview.consumers)
        return {"target": target, "forced": [str(id_) for id_ in looked.forced]}

    def still(self, ctx: ActionContext, seen: Seen, overview: GroupOverview) -> str:
        to = name("to", ctx.params["to"])
        if seen["target"] and not any(c.name == to for c in overview.consumers):
            return f"The consumer {plain(to)} no longer exists."
        return ""

    def batch(self, ctx: ActionContext, seen: Seen, cursor: Any) -> Batch:
        """Those that are to be made pending come first, as far as nobody has got them meanwhile."""
        batch, forced = super().batch(ctx, seen, cursor), _forced(seen)
        if cursor or not forced:
            return batch
        got = {str(e.id) for e in read_pending(ctx, [StreamId.parse(id_) for id_ in forced])}
        free = [[id_, to_path(b""), 0, 0] for id_ in forced if id_ not in got]
        return replace(batch, work=[*free, *batch.work], settled=[*batch.settled, *((i, "owner_changed") for i in got)])

    def reading(self, ctx: ActionContext, seen: Seen, cursor: Any) -> Query[Batch] | None:
        return super().reading(ctx, seen, cursor) if cursor or not _forced(seen) else None

    def act(self, ctx: ActionContext, seen: Seen, work: list[Any]) -> Done:
        to, marked, new = name("to", ctx.params["to"]), _marked(ctx.params), set(_forced(seen))
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

    def _force(self, ctx: ActionContext, to: bytes, parts: list[LeaseBatch], *, after: bool) -> list[bytes]:
        """Refused after others were claimed, it has to be found out what was done."""
        try:
            return self._claim(ctx, to, parts, force=True)
        except StreamError as error:
            if after:
                raise OutcomeUnknown(error.message) from error
            raise

    def _claim(self, ctx: ActionContext, to: bytes, parts: list[LeaseBatch], *, force: bool = False) -> list[bytes]:
        words = [
            command
            for some in ([parts] if force else _by_guard(parts))
            for command in _words(ctx, to, min(part.idle_ms for part in some), some, force=force)
        ]
        return writes.claim(ctx.server, words)

    def reconcile(self, ctx: ActionContext, seen: Seen, work: list[Any]) -> Done:
        to, entries = name("to", ctx.params["to"]), leases(work)
        now_ms, *pages = ask_all(ctx, CLOCK, *each_pending(ctx, [e.id for e in entries]))
        now = {entry.id: entry for page in pages for entry in page.items}
        theirs = [e for e in entries if e.id in now and now[e.id].consumer == to]
        moved = {e.id for e in theirs if _shows(ctx.params, e, now[e.id], now_ms)}
        unmade = {e.id for e in entries if str(e.id) in _forced(seen) and e.id not in now}
        known = {e.id: "done" if e.id in moved else "failed" for e in entries if e.id in moved | unmade}
        left = not_done(ctx, [e for e in entries if e.id not in known])
        return Done.of([*((str(id_), result) for id_, result in known.items()), *left])

    def form(self, ctx: ActionContext, data: Any = None) -> forms.Form:
        overview = group_overview(ctx)
        return ClaimForm(data, overview=overview, losing=_losing(ctx, overview), named="ids" in ctx.params)

    def from_form(self, ctx: ActionContext, form: forms.Form) -> Params:
        chosen = dict(form.cleaned_data)
        chosen["to"] = chosen.pop("new") or chosen["to"]
        return {**ctx.params, **{k: v for k, v in chosen.items() if v not in (None, "") and v is not False}}


def _marked(params: Params) -> bool:
    """Whether an entry that the consumer holds already is changed too."""
    return any(key in params for key in ("bump", "idle_ms", "time_ms", "retrycount"))


def _shows(params: Params, before: Lease, now: PendingEntry, now_ms: int) -> bool:
    """Whether an entry that is with the consumer now shows that it was claimed: by what was to be set with it."""
    if params.get("bump") and now.deliveries <= before.deliveries:
        return False
    if now.deliveries != params.get("retrycount", now.deliveries):
        return False
    if before.consumer != now.consumer:
        return True
    if "time_ms" in params:
        return abs(now_ms - now.idle_ms - int(params["time_ms"])) <= SLACK_MS
    if "idle_ms" in params:
        idle_ms = int(params["idle_ms"])
        return now.idle_ms >= idle_ms and (idle_ms > before.idle_ms or now.idle_ms < before.idle_ms)
    return True


def _by_guard(parts: Sequence[LeaseBatch]) -> list[list[LeaseBatch]]:
    """Parts whose least idle time guards them all.

    What belongs to nobody has no idle time: it is as old as its reading, and who got it since got it later than that.
    """
    owned = [part for part in parts if part.consumer]
    return [*([owned] if owned else []), *([part] for part in parts if not part.consumer)]


def _forced(seen: Seen) -> list[str]:
    """IDs that were not pending and are to be made so."""
    return list(seen.get("forced", ()))


def _losing(ctx: ActionContext, overview: GroupOverview) -> set[bytes]:
    """Consumers that the address says the entries are taken from."""
    which = Which.parse(ctx.params)
    return {which.consumer} if which.consumer is not None else set()


def _sentence(ctx: ActionContext, looked: Looked, to: bytes, moved: Mapping[bytes, int]) -> str:
    """Whose entries go where. Where only a part was looked at, others may have some too."""
    group, who = plain(group_of(ctx)), plain(to)
    if moved:
        least = "" if looked.all_known else "at least "
        from_whom = plain(next(iter(moved))) or "nobody" if len(moved) == 1 else f"{least}{len(moved)} consumers"
        return f"Moves pending entries of {from_whom} in {group} to {who}."
    if not looked.all_known:
        return f"Moves those held by other consumers of {group} to {who}."
    if looked.forced:
        return f"Makes entries that are not pending in {group} pending with {who}."
    return f"{who} already holds all of them: no owner changes."


def _young_note(ctx: ActionContext, looked: Looked) -> list[Note]:
    """Of named entries those that the least idle time leaves out."""
    left = len(Which.parse(ctx.params).ids) - len(looked.entries) - len(looked.absent) - len(looked.forced)
    if left <= 0 or "ids" not in ctx.params:
        return []
    verb, least = "is" if left == 1 else "are", age(ctx.params["min_idle_ms"])
    return [
        Note(
            "late",
            f"{number(left)} of the selected entries {verb} left out",
            f"Idle for less than {least}, as requested.",
        )
    ]


def _already_note(params: Params, looked: Looked, to: bytes) -> list[Note]:
    """Where nothing moves: what happens to the entries all the same."""
    if not looked.all_known or set(owners(looked)) != {to}:
        return []
    text = "Their idle time and delivery count stay. They are reported as done."
    if _marked(params):
        kept = [key for key in ("keep_idle", "idle_ms", "time_ms") if key in params]
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


def _option_notes(params: Params) -> list[Note]:
    notes = []
    if "idle_ms" in params or "time_ms" in params:
        since = f"for {age(params['idle_ms'])}" if "idle_ms" in params else f"since {params['time_ms']} (ms since 1970)"
        text = "Workers that claim idle entries (XAUTOCLAIM) may take them at once."
        notes.append(Note("late", f"They count as idle {since}", text))
    if "retrycount" in params:
        text = "Workers that give up after a number of deliveries go by this count."
        notes.append(Note("late", f"The delivery count is set to {number(params['retrycount'])}", text))
    if params.get("force"):
        notes.append(
            Note("stuck", "FORCE also takes entries that are not pending", "Including entries acknowledged long ago.")
        )
    if params.get("bump"):
        notes.append(
            Note("", "The delivery count is incremented", "Workers that give up after a number of deliveries go by it.")
        )
    return notes


def _lines(ctx: ActionContext, looked: Looked, to: bytes) -> list[str]:
    """Of what is to be made pending in a command of its own: only that one says FORCE."""
    forced = [LeaseBatch(str(id_), b"", 0, 0) for id_ in looked.forced]
    skipped = 0 if _marked(ctx.params) else owners(looked).get(to, 0)
    sent = [e for e in looked.entries if not skipped or e.consumer != to]
    entries = [LeaseBatch(str(e.id), e.consumer, e.deliveries, max(0, e.idle_ms)) for e in sent]
    total = looked.total - len(forced) - skipped
    found = lines(partial(_words, ctx, to, looked.guard_ms), entries, total) if entries else []
    return found + (lines(partial(_words, ctx, to, 0, force=True), forced, len(forced)) if forced else [])


def _words(
    ctx: ActionContext, to: bytes, guard_ms: int, parts: Sequence[LeaseBatch], *, force: bool = False
) -> list[Command]:
    guard = 0 if force else max(guard_ms, ctx.params.get("min_idle_ms", 0))
    marks = writes.Marks(**{key: ctx.params[key] for key in MARKS if key in ctx.params})
    return writes.claims(ctx.key, group_of(ctx), to, parts, marks, min_idle_ms=guard, force=force)
