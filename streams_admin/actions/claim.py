"""Claim: give pending entries to another consumer, which sees them when it reads its own pending list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django import forms

from dashboard.access import Permission
from dashboard.format import age
from dashboard.names import plain, to_path
from dashboard.streams.errors import OutcomeUnknown, StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import Command, Query
from dashboard.streams.snapshots import GroupOverview
from streams_admin import commands
from streams_admin.actions.base import Ask, Batch, Change, Done, Note, Params, Preview, Seen, ids_of
from streams_admin.actions.claim_form import QUIET_MS, ClaimForm
from streams_admin.actions.lines import lines
from streams_admin.actions.looking import Looked, bodies_of, group_of, group_overview, read_pending
from streams_admin.actions.pending import PendingAction
from streams_admin.actions.pending_words import (
    busy_note,
    ghost_note,
    guard_note,
    owners,
    per_consumer,
    preview_of,
)
from streams_admin.actions.untouched import alike, held, not_done, why_not
from streams_admin.commands import Alike
from streams_admin.errors import BadOrder
from streams_admin.which import Which, name, truth, whole


class Claim(PendingAction):
    slug = "claim"
    label = "Claim…"
    permission = Permission.CLAIM
    literal = True

    def options(self, raw: Mapping[str, Any]) -> Params:
        if raw.get("to") in (None, ""):
            raise BadOrder("to is missing: the consumer that gets the entries.")
        flags = {flag: truth(flag, raw[flag]) for flag in ("bump", "keep_idle", "force") if raw.get(flag)}
        if flags.get("force") and "ids" not in raw:
            raise BadOrder("force needs ids: it takes entries that are not pending, so they have to be named.")
        guard = {"min_idle_ms": whole("min_idle_ms", raw["min_idle_ms"])} if raw.get("min_idle_ms") else {}
        return {"to": to_path(name("to", raw["to"])), **guard, **flags}

    def looked(self, ask: Ask) -> Looked:
        """With `force` also named entries that are in the stream and not pending."""
        looked = super().looked(ask)
        if not ask.params.get("force"):
            return looked
        there = bodies_of(ask, looked.absent)
        forced = tuple(id_ for id_, body in zip(looked.absent, there, strict=True) if body)
        absent = tuple(id_ for id_ in looked.absent if id_ not in forced)
        return replace(looked, forced=forced, absent=absent, total=looked.total + len(forced))

    def preview(self, ask: Ask, looked: Looked) -> Preview:
        to = name("to", ask.params["to"])
        moved = {n: count for n, count in owners(looked).items() if n != to}
        least = "" if looked.all_known else "at least "
        from_whom = plain(next(iter(moved))) or "nobody" if len(moved) == 1 else f"{least}{len(moved)} consumers"
        gain = {**{n: -count for n, count in moved.items()}, to: sum(moved.values()) + len(looked.forced)}
        pending = looked.overview.pending.count
        return preview_of(
            looked,
            "Claim",
            f"Moves pending entries of {from_whom} in {plain(group_of(ask))} to {plain(to)}.",
            about=f" for {plain(to)}",
            notes=[
                *_target_notes(to, looked.overview),
                *busy_note(looked),
                *ghost_note(
                    looked, "Redis 7 and later, and Valkey, drop them from the pending list when they are claimed."
                ),
                *_option_notes(ask.params),
                guard_note(looked),
            ][:5],
            changes=[
                *per_consumer(looked, gain),
                Change("all", pending, pending + len(looked.forced)),
            ],
            redis_cli=_lines(ask, looked, to),
        )

    def remember(self, ask: Ask, looked: Looked) -> Seen:
        """Whether the target was there: a consumer that vanished since gets nothing."""
        target = any(c.name == name("to", ask.params["to"]) for c in looked.overview.consumers)
        return {"target": target, "forced": [str(id_) for id_ in looked.forced]}

    def still(self, ask: Ask, seen: Seen, overview: GroupOverview) -> str:
        to = name("to", ask.params["to"])
        if seen["target"] and not any(c.name == to for c in overview.consumers):
            return f"The consumer {plain(to)} does not exist any more."
        return ""

    def batch(self, ask: Ask, seen: Seen, cursor: Any) -> Batch:
        """Those that are to be made pending come first, as far as nobody has got them meanwhile."""
        batch, forced = super().batch(ask, seen, cursor), _forced(seen)
        if cursor or not forced:
            return batch
        got = {str(e.id) for e in read_pending(ask, [StreamId.parse(id_) for id_ in forced])}
        free = [[id_, to_path(b""), 0, 0] for id_ in forced if id_ not in got]
        return replace(batch, work=[*free, *batch.work], settled=[*batch.settled, *((i, "owner_changed") for i in got)])

    def reading(self, ask: Ask, seen: Seen, cursor: Any) -> Query[Batch] | None:
        return super().reading(ask, seen, cursor) if cursor or not _forced(seen) else None

    def act(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        to, bump, new = name("to", ask.params["to"]), ask.params.get("bump", False), set(_forced(seen))
        parts = alike(work)
        forced = [part for part in parts if part.ids in new]
        others = [part for part in parts if part.ids not in new and (bump or part.consumer != to)]
        claimed = self._claim(ask, to, others) if others else []
        claimed += self._force(ask, to, forced, after=bool(claimed)) if forced else []
        if len(claimed) == sum(part.count for part in (*forced, *others)):
            return Done.alike("done", work)
        got = {id_.decode() for id_ in claimed}
        left = [e for part in (*forced, *others) for e in part.each() if str(e.id) not in got]
        rest = {str(e.id) for e in left}
        return Done.of([*((id_, "done") for id_ in ids_of(work) if id_ not in rest), *why_not(ask, left)])

    def _force(self, ask: Ask, to: bytes, parts: list[Alike], *, after: bool) -> list[bytes]:
        """Refused after others were claimed, it has to be found out what was done."""
        try:
            return self._claim(ask, to, parts, force=True)
        except StreamError as error:
            if after:
                raise OutcomeUnknown(error.message) from error
            raise

    def _claim(self, ask: Ask, to: bytes, parts: list[Alike], *, force: bool = False) -> list[bytes]:
        words = [
            command
            for some in ([parts] if force else _by_guard(parts))
            for command in _words(ask, to, min(part.idle_ms for part in some), some, force=force)
        ]
        return commands.claim(ask.server, words)

    def settle(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        to, bump, entries = name("to", ask.params["to"]), ask.params.get("bump", False), held(work)
        now = {entry.id: entry for entry in read_pending(ask, [e.id for e in entries])}
        theirs = [e for e in entries if e.id in now and now[e.id].consumer == to]
        moved = {e.id for e in theirs if not bump or now[e.id].deliveries > e.deliveries}
        unmade = {e.id for e in entries if str(e.id) in _forced(seen) and e.id not in now}
        known = {e.id: "done" if e.id in moved else "failed" for e in entries if e.id in moved | unmade}
        left = not_done(ask, [e for e in entries if e.id not in known])
        return Done.of([*((str(id_), result) for id_, result in known.items()), *left])

    def form(self, ask: Ask, data: Any = None) -> forms.Form:
        overview = group_overview(ask)
        return ClaimForm(data, overview=overview, losing=_losing(ask, overview))

    def from_form(self, ask: Ask, form: forms.Form) -> Params:
        chosen = dict(form.cleaned_data)
        chosen["to"] = chosen.pop("new") or chosen["to"]
        return {**ask.params, **{k: v for k, v in chosen.items() if v not in (None, "", False)}}


def _by_guard(parts: Sequence[Alike]) -> list[list[Alike]]:
    """Parts whose least idle time guards them all.

    What belongs to nobody has no idle time: it is as old as its reading, and who got it since got it later than that.
    """
    owned = [part for part in parts if part.consumer]
    return [*([owned] if owned else []), *([part] for part in parts if not part.consumer)]


def _forced(seen: Seen) -> list[str]:
    """IDs that were not pending and are to be made so."""
    return list(seen.get("forced", ()))


def _losing(ask: Ask, overview: GroupOverview) -> set[bytes]:
    """Consumers that the address says the entries are taken from."""
    which = Which.parse(ask.params)
    return {which.consumer} if which.consumer is not None else set()


def _target_notes(to: bytes, overview: GroupOverview) -> list[Note]:
    target = next((c for c in overview.consumers if c.name == to), None)
    notes = []
    if target is None:
        notes.append(
            Note(
                "late", f"{plain(to)} does not exist yet", "Redis creates the consumer. Does a worker of that name run?"
            )
        )
    elif target.idle_ms >= QUIET_MS:
        notes.append(Note("late", f"{plain(to)} has not read for {age(target.idle_ms)}", "It may be gone itself."))
    text = "It sees claimed entries when it reads its own pending list (XREADGROUP with 0 instead of >)."
    notes.append(Note("late", f"{plain(to)} will not be told", text, instead="release"))
    return notes


def _option_notes(params: Params) -> list[Note]:
    notes = []
    if params.get("force"):
        notes.append(Note("stuck", "FORCE makes entries pending that are not", "Also what was acknowledged long ago."))
    if params.get("bump"):
        notes.append(
            Note("", "The delivery count goes up by one", "Workers that give up after a number of deliveries see it.")
        )
    return notes


def _lines(ask: Ask, looked: Looked, to: bytes) -> list[str]:
    """Of what is to be made pending in a command of its own: only that one says FORCE."""
    forced = [Alike(str(id_), b"", 0, 0) for id_ in looked.forced]
    entries = [Alike(str(e.id), e.consumer, e.deliveries, max(0, e.idle_ms)) for e in looked.entries]
    found = lines(partial(_words, ask, to, looked.guard_ms), entries, looked.total - len(forced)) if entries else []
    return found + (lines(partial(_words, ask, to, 0, force=True), forced, len(forced)) if forced else [])


def _words(ask: Ask, to: bytes, guard_ms: int, parts: Sequence[Alike], *, force: bool = False) -> list[Command]:
    guard = 0 if force else max(guard_ms, ask.params.get("min_idle_ms", 0))
    options = {option: ask.params.get(option, False) for option in ("bump", "keep_idle")}
    return commands.claims(ask.key, group_of(ask), to, parts, min_idle_ms=guard, force=force, **options)
