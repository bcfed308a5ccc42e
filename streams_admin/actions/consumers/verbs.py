"""Consumers: create one; delete one that holds nothing, or after another has got what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms

from dashboard.accounts.access import require
from dashboard.accounts.permissions import Permission
from dashboard.display.format import plural
from dashboard.streams.errors import ServerRefused
from dashboard.streams.names import plain, to_path
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview, PendingEntry
from streams_admin import redis_cli_text, writes
from streams_admin.actions.base import Ask, Batch, Change, Done, Note, Params, Preview, Seen
from streams_admin.actions.pending.claim import Claim
from streams_admin.actions.pending.claim_form import choices_of
from streams_admin.actions.reads.affected import pending
from streams_admin.actions.single import Single, alive_note, figures_of, find_group, named, refusal, the_group
from streams_admin.errors import BadOrder, Changed
from streams_admin.forms import choice_field
from streams_admin.params.which import name

CLAIM = Claim()


def consumer_of(overview: GroupOverview | None, wanted: bytes) -> ConsumerFacts | None:
    return next((c for c in overview.consumers if c.name == wanted), None) if overview else None


class ConsumerCreate(Single):
    slug = "consumer_create"
    label = "Create a consumer…"
    permission = Permission.CONSUMERS
    literal = True

    def clean(self, raw: Mapping[str, Any]) -> Params:
        group = named(raw, "group", "where the consumer is to be")
        return {"group": group, "consumer": named(raw, "consumer", "the name of the new consumer")}

    def look(self, ask: Ask) -> tuple[Preview, Seen]:
        overview = the_group(ask)
        if consumer_of(overview, _name(ask)):
            raise Changed(_taken(ask))
        words = writes.consumer_create_words(ask.key, overview.group.name, _name(ask))
        preview = Preview(
            title=f"Create the consumer {plain(_name(ask))}",
            sentence=f"In {plain(overview.group.name)}, holding nothing.",
            button="Create the consumer",
            total=1,
            counts={"consumers": overview.group.consumers},
            notes=[Note("", "Seldom needed", "Redis creates a consumer when it first reads or is given entries.")],
            changes=[Change("consumers", overview.group.consumers, overview.group.consumers + 1)],
            redis_cli=[redis_cli_text.line(*words)],
        )
        return preview, {}

    def changed(self, ask: Ask, seen: Seen) -> str:
        overview = find_group(ask)
        if overview is None:
            return "The stream or the group does not exist any more."
        return _taken(ask) if consumer_of(overview, _name(ask)) else ""

    def do(self, ask: Ask, seen: Seen) -> None:
        if not writes.consumer_create(ask.server, ask.key, name("group", ask.params["group"]), _name(ask)):
            raise refusal(_taken(ask))

    def outcome(self, ask: Ask, seen: Seen) -> str:
        return "done" if consumer_of(find_group(ask), _name(ask)) else "failed"

    def form(self, ask: Ask, data: Any = None) -> forms.Form:
        return ConsumerCreateForm(data)


class ConsumerCreateForm(forms.Form):
    """Its name."""

    consumer = forms.CharField(label="Name", max_length=200, strip=False)

    def clean_consumer(self) -> str:
        return to_path(str(self.cleaned_data["consumer"]).encode())


def _name(ask: Ask) -> bytes:
    return name("consumer", ask.params["consumer"])


def _taken(ask: Ask) -> str:
    return f"There is a consumer {plain(_name(ask))} in {plain(name('group', ask.params['group']))} already."


class ConsumerDelete(Single):
    """Claims what the consumer holds for `to`, in batches as `claim` does, then deletes it while it holds nothing."""

    slug = "consumer_delete"
    label = "Remove the consumer…"
    permission = Permission.CONSUMERS

    def clean(self, raw: Mapping[str, Any]) -> Params:
        group = named(raw, "group", "where the consumer is")
        consumer = named(raw, "consumer", "which one to delete")
        if raw.get("to") in (None, ""):
            return {"group": group, "consumer": consumer}
        to = to_path(name("to", raw["to"]))
        if to == consumer:
            raise BadOrder("to is the consumer itself: name another one that gets its entries.")
        return {"group": group, "consumer": consumer, "to": to}

    def allow(self, ask: Ask) -> None:
        if "to" in ask.params:
            require(ask.principal, CLAIM.permission, ask.server.name, ask.key)

    def look(self, ask: Ask) -> tuple[Preview, Seen]:
        overview = the_group(ask)
        found = consumer_of(overview, _name(ask))
        if found is None:
            raise Changed(f"There is no consumer {plain(_name(ask))} in {plain(overview.group.name)}.")
        if not found.pending:
            return _delete_preview(ask, overview, found), {"holds": 0}
        if "to" not in ask.params:
            held = plural(found.pending, "pending entry", "pending entries")
            raise Changed(f"{plain(found.name)} holds {held}, lost with it. Say who gets them (to).")
        claiming, seen = CLAIM.look(_claim(ask))
        return _claim_preview(ask, overview, found, claiming), {"holds": found.pending, "claim": seen}

    def changed(self, ask: Ask, seen: Seen) -> str:
        found = consumer_of(overview := find_group(ask), _name(ask))
        if overview is None or found is None:
            return "The consumer does not exist any more."
        if found.pending and not seen["holds"]:
            return f"{plain(found.name)} holds {plural(found.pending, 'entry', 'entries')} now: it is at work."
        return CLAIM.still(_claim(ask), seen["claim"], overview) if seen["holds"] else ""

    def batch(self, ask: Ask, seen: Seen, cursor: Any) -> Batch:
        """First the batches of the claim; the deletion is the last one."""
        state = cursor or {"at": None, "claimed": not seen["holds"]}
        if state["claimed"]:
            return Batch([{"step": self.slug}], None, last=True)
        part = CLAIM.batch(_claim(ask), seen["claim"], state["at"])
        return replace(part, cursor={"at": part.cursor, "claimed": part.last}, last=False)

    def act(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        return self._delete(ask) if _deletes(work) else CLAIM.act(_claim(ask), seen["claim"], work)

    def _delete(self, ask: Ask) -> Done:
        lost = writes.consumer_delete(ask.server, ask.key, name("group", ask.params["group"]), _name(ask))
        if lost < 0:
            why = "It holds entries that were delivered to it or touched since the plan, and they would be lost."
            raise ServerRefused(f"{plain(_name(ask))} was not deleted. {why}", "CHANGED")
        return Done(counts=Counter({"done": 1, "failed": lost} if lost else {"done": 1}))

    def settle(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        return super().settle(ask, seen, work) if _deletes(work) else CLAIM.settle(_claim(ask), seen["claim"], work)

    def outcome(self, ask: Ask, seen: Seen) -> str:
        return "failed" if consumer_of(find_group(ask), _name(ask)) else "done"

    def affected(self, ask: Ask, seen: Seen) -> Iterator[Sequence[PendingEntry]] | None:
        """What it holds, and another gets."""
        return pending(ask, name("group", ask.params["group"]), _name(ask)) if seen["holds"] else None

    def figures(self, ask: Ask) -> list[list[Any]]:
        overview = find_group(ask)
        if overview is None:
            return super().figures(ask)
        wanted = [_name(ask), *([name("to", ask.params["to"])] if "to" in ask.params else [])]
        there = [(who, consumer_of(overview, who)) for who in wanted]
        return [*figures_of(overview), *([f"pending with {plain(who)}", c.pending] for who, c in there if c)]

    def form(self, ask: Ask, data: Any = None) -> forms.Form:
        return ConsumerDeleteForm(data, overview=the_group(ask), chosen=_asked(ask))

    def from_form(self, ask: Ask, form: forms.Form) -> Params:
        return {"group": ask.params.get("group"), **{k: v for k, v in form.cleaned_data.items() if v}}


def _asked(ask: Ask) -> str:
    return str(ask.params.get("filter", {}).get("consumer", ""))


def _deletes(work: list[Any]) -> bool:
    return isinstance(work[0], dict)


def _claim(ask: Ask) -> Ask:
    """The same, as `claim` takes it: all that the consumer holds."""
    params = {
        "group": ask.params["group"],
        "filter": {"consumer": ask.params["consumer"]},
        "to": ask.params["to"],
    }
    return replace(ask, params=params)


class ConsumerDeleteForm(forms.Form):
    """Which one, and who gets what it holds. Nobody is chosen to get it: most may be as silent as that one."""

    consumer = forms.ChoiceField(label="Consumer")
    to = forms.ChoiceField(
        label="Its pending entries go to",
        required=False,
        help_text="Needed when it holds any. They are claimed first.",
    )

    def __init__(self, data: Any, *, overview: GroupOverview, chosen: str) -> None:
        super().__init__(data, initial={"consumer": chosen})
        self.held = {to_path(c.name): c.pending for c in overview.consumers}
        ours = choices_of(overview.consumers)
        choice_field(self, "consumer").choices = ours
        takers = [choice for choice in ours if choice[0] != chosen]
        choice_field(self, "to").choices = [("", "choose who gets them"), *takers]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        consumer, to = found.get("consumer", ""), found.get("to")
        if to and to == consumer:
            self.add_error("to", "That is the consumer itself: choose another one.")
        elif to == "" and self.held.get(consumer):
            held = plural(self.held[consumer], "pending entry", "pending entries")
            self.add_error("to", f"It holds {held}, lost with it: choose who gets them.")
        return found


def _delete_preview(ask: Ask, overview: GroupOverview, found: ConsumerFacts) -> Preview:
    words = writes.consumer_delete_words(ask.key, overview.group.name, found.name)
    return Preview(
        title=f"Remove the consumer {plain(found.name)}",
        sentence=f"It holds nothing in {plain(overview.group.name)}. Nothing is lost.",
        button="Remove the consumer",
        total=1,
        counts={"pending": 0},
        notes=[*_alive(found), _atomic(found)],
        changes=[Change("consumers", overview.group.consumers, overview.group.consumers - 1)],
        redis_cli=[redis_cli_text.line(*words)],
    )


def _alive(found: ConsumerFacts) -> list[Note]:
    return alive_note([found], "At its next read Redis creates it again.")


def _atomic(found: ConsumerFacts) -> Note:
    text = "Redis looks and deletes in one step. Entries that it is given before that keep it alive."
    return Note("", f"Only while {plain(found.name)} holds nothing", text)


def _claim_preview(ask: Ask, overview: GroupOverview, found: ConsumerFacts, claiming: Preview) -> Preview:
    to = name("to", ask.params["to"])
    words = writes.consumer_delete_words(ask.key, overview.group.name, found.name)
    held = plural(found.pending, "entry", "entries")
    comes = 0 if consumer_of(overview, to) else 1
    return replace(
        claiming,
        title=f"Claim {held} for {plain(to)}, then remove {plain(found.name)}",
        sentence=f"What {plain(found.name)} holds goes to {plain(to)}; then it is deleted, while it holds nothing.",
        button="Claim, then remove",
        total=None if claiming.total is None else claiming.total + 1,
        notes=[*_alive(found), *claiming.notes, _atomic(found)],
        changes=[
            *claiming.changes,
            Change("consumers", overview.group.consumers, overview.group.consumers - 1 + comes),
        ],
        redis_cli=[*claiming.redis_cli, redis_cli_text.line(*words)],
    )
