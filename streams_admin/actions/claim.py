"""Claim: give pending entries to another consumer, which sees them when it reads its own pending list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from dashboard.access import Permission
from dashboard.format import age, number, plural
from dashboard.names import plain, to_path
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview
from streams_admin import cli, commands
from streams_admin.actions.base import BATCH, Ask, Change, Done, Note, Params, Preview, Seen
from streams_admin.actions.pending import (
    Looked,
    PendingAction,
    busy_note,
    counts_of,
    entries_text,
    ghost_note,
    group_of,
    guard_note,
    held,
    not_done,
    overview_of,
    owners,
    per_consumer,
    read_pending,
    sample,
    why_not,
)
from streams_admin.commands import Held
from streams_admin.errors import BadOrder
from streams_admin.which import Which, name, truth, whole

QUIET_MS = 60_000
"""A consumer that has not read for longer may be gone."""


class Claim(PendingAction):
    slug = "claim"
    label = "Claim…"
    permission = Permission.CLAIM

    def options(self, raw: Mapping[str, Any]) -> Params:
        if raw.get("to") in (None, ""):
            raise BadOrder("to is missing: the consumer that gets the entries.")
        flags = {flag: truth(flag, raw[flag]) for flag in ("bump", "keep_idle", "force") if raw.get(flag)}
        if flags.get("force") and "ids" not in raw:
            raise BadOrder("force needs ids: it takes entries that are not pending, so they have to be named.")
        guard = {"min_idle_ms": whole("min_idle_ms", raw["min_idle_ms"])} if raw.get("min_idle_ms") else {}
        return {"to": to_path(name("to", raw["to"])), **guard, **flags}

    def preview(self, ask: Ask, looked: Looked) -> Preview:
        to = name("to", ask.params["to"])
        moved = {n: count for n, count in owners(looked).items() if n != to}
        from_whom = plain(next(iter(moved))) or "nobody" if len(moved) == 1 else f"{len(moved)} consumers"
        gain = {**{n: -count for n, count in moved.items()}, to: sum(moved.values())}
        return Preview(
            title=f"Claim {entries_text(looked)} for {plain(to)}",
            sentence=f"Moves pending entries of {from_whom} in {plain(group_of(ask))} to {plain(to)}.",
            button=f"Claim {entries_text(looked)}",
            total=looked.total,
            least=looked.least,
            counts=counts_of(looked),
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
                Change("all", looked.overview.pending.count, looked.overview.pending.count),
            ],
            sample=sample(looked),
            redis_cli=_lines(ask, looked, to),
        )

    def remember(self, ask: Ask, looked: Looked) -> Seen:
        """Whether the target was there: a consumer that vanished since gets nothing."""
        return {"target": any(c.name == name("to", ask.params["to"]) for c in looked.overview.consumers)}

    def still(self, ask: Ask, seen: Seen, overview: GroupOverview) -> str:
        to = name("to", ask.params["to"])
        if seen["target"] and not any(c.name == to for c in overview.consumers):
            return f"The consumer {plain(to)} does not exist any more."
        return ""

    def act(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        entries = held(work)
        to = name("to", ask.params["to"])
        mine = [e for e in entries if e.consumer == to and not ask.params.get("bump")]
        others = [e for e in entries if e.consumer != to or ask.params.get("bump")]
        claimed = self._claim(ask, to, others) if others else set()
        found = [(str(e.id), "done") for e in mine]
        found += [(str(e.id), "done") for e in others if str(e.id).encode() in claimed]
        return Done.of(found + why_not(ask, [e for e in others if str(e.id).encode() not in claimed]))

    def _claim(self, ask: Ask, to: bytes, entries: list[Held]) -> set[bytes]:
        asked = ask.params.get("min_idle_ms", 0)
        return set(
            commands.claim(
                ask.server,
                ask.key,
                group_of(ask),
                to,
                entries,
                min_idle_ms=max(asked, min(e.idle_ms for e in entries)),
                bump=ask.params.get("bump", False),
                keep_idle=ask.params.get("keep_idle", False),
                force=ask.params.get("force", False),
            )
        )

    def settle(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        entries = held(work)
        to = name("to", ask.params["to"])
        now = {entry.id: entry for entry in read_pending(ask, [e.id for e in entries])}
        theirs = [e for e in entries if e.id in now and now[e.id].consumer == to]
        moved = {e.id for e in theirs if not ask.params.get("bump") or now[e.id].deliveries > e.deliveries}
        done = [(str(e.id), "done") for e in entries if e.id in moved]
        return Done.of(done + not_done(ask, [e for e in entries if e.id not in moved]))

    def form(self, ask: Ask, data: Any = None) -> forms.Form:
        overview = overview_of(ask)
        return ClaimForm(data, overview=overview, losing=_losing(ask, overview))

    def from_form(self, ask: Ask, form: forms.Form) -> Params:
        chosen = dict(form.cleaned_data)
        chosen["to"] = chosen.pop("new") or chosen["to"]
        return {**ask.params, **{k: v for k, v in chosen.items() if v not in (None, "", False)}}


class ClaimForm(forms.Form):
    """Who gets the entries: a consumer of the group, those that read lately first, or a new name."""

    to = forms.ChoiceField(label="To", required=False)
    new = forms.CharField(label="or to a new name", required=False, max_length=200)
    bump = forms.BooleanField(
        label="Count it as a delivery", required=False, help_text="Else the delivery count stays as it is (JUSTID)."
    )
    keep_idle = forms.BooleanField(
        label="Keep the idle time",
        required=False,
        help_text="Else it starts again at 0.",
    )

    def __init__(self, data: Any, *, overview: GroupOverview, losing: set[bytes]) -> None:
        super().__init__(data)
        fit = sorted(overview.consumers, key=lambda c: (c.idle_ms >= QUIET_MS, c.pending, c.name))
        chosen = [c for c in fit if c.name not in losing] or fit
        self.fields["to"].choices = [(to_path(c.name), _choice(c)) for c in chosen[:200]]  # type: ignore[attr-defined]

    def clean_new(self) -> str:
        return to_path(str(self.cleaned_data["new"]).encode()) if self.cleaned_data["new"] else ""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not found.get("to") and not found.get("new"):
            raise forms.ValidationError("Choose the consumer that gets the entries.")
        return found


def _choice(consumer: ConsumerFacts) -> str:
    read = f"read {age(consumer.idle_ms)} ago" if consumer.idle_ms < QUIET_MS else f"silent for {age(consumer.idle_ms)}"
    return f"{plain(consumer.name)}: {read}, holds {number(consumer.pending)}"


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
    notes.append(
        Note(
            "late" if target is None else "",
            f"{plain(to)} will not be told",
            "It sees claimed entries when it reads its own pending list (XREADGROUP with 0 instead of >).",
        )
    )
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
    ids = [e.id for e in looked.entries[:3]]
    count = looked.entries[0].deliveries + 1 if looked.entries else 1
    options: tuple[str | int, ...] = ("RETRYCOUNT", count) if ask.params.get("bump") else ()
    claim = cli.line(*commands.claim_words(ask.key, group_of(ask), to, looked.guard_ms, ids, *options))
    rounds = -(-looked.total // BATCH)
    if looked.total <= len(ids):
        return [claim]
    return [claim, f"# and {number(looked.total - len(ids))} more IDs, in {plural(rounds, 'round')} of up to {BATCH}"]
