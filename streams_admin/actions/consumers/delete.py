"""Delete a consumer that holds nothing, or after another has got what it holds."""

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
from streams_admin.actions.base import ActionContext, Batch, Change, Done, Note, Params, Preview, Seen
from streams_admin.actions.consumers.create import consumer_of
from streams_admin.actions.pending.claim import Claim
from streams_admin.actions.pending.claim_form import choices_of
from streams_admin.actions.reads.affected import pending
from streams_admin.actions.single import Single, alive_note, figures_of, find_group, named, the_group
from streams_admin.errors import BadParameters, Changed
from streams_admin.forms import choice_field
from streams_admin.params.which import name

CLAIM = Claim()


def _name(ctx: ActionContext) -> bytes:
    return name("consumer", ctx.params["consumer"])


class ConsumerDelete(Single):
    """Claims what the consumer holds for `to`, in batches as `claim` does, then deletes it while it holds nothing."""

    slug = "consumer_delete"
    label = "Remove consumer…"
    permission = Permission.CONSUMERS

    def clean(self, raw: Mapping[str, Any]) -> Params:
        group = named(raw, "group", "the group of the consumer")
        consumer = named(raw, "consumer", "the consumer to delete")
        if raw.get("to") in (None, ""):
            return {"group": group, "consumer": consumer}
        to = to_path(name("to", raw["to"]))
        if to == consumer:
            raise BadParameters("to is the consumer itself: name another one to take its entries.")
        return {"group": group, "consumer": consumer, "to": to}

    def allow(self, ctx: ActionContext) -> None:
        if "to" in ctx.params:
            require(ctx.principal, CLAIM.permission, ctx.server.name, ctx.key)

    def look(self, ctx: ActionContext) -> tuple[Preview, Seen]:
        overview = the_group(ctx)
        found = consumer_of(overview, _name(ctx))
        if found is None:
            raise Changed(f"There is no consumer {plain(_name(ctx))} in {plain(overview.group.name)}.")
        if not found.pending:
            return _delete_preview(ctx, overview, found), {"holds": 0}
        if "to" not in ctx.params:
            held = plural(found.pending, "pending entry", "pending entries")
            raise Changed(
                f"{plain(found.name)} holds {held}, which would be lost with it. Name a consumer to take them (to)."
            )
        claiming, seen = CLAIM.look(_claim(ctx))
        return _claim_preview(ctx, overview, found, claiming), {"holds": found.pending, "claim": seen}

    def changed(self, ctx: ActionContext, seen: Seen) -> str:
        found = consumer_of(overview := find_group(ctx), _name(ctx))
        if overview is None or found is None:
            return "The consumer no longer exists."
        if found.pending and not seen["holds"]:
            return f"{plain(found.name)} now holds {plural(found.pending, 'entry', 'entries')}: it is working."
        return CLAIM.still(_claim(ctx), seen["claim"], overview) if seen["holds"] else ""

    def batch(self, ctx: ActionContext, seen: Seen, cursor: Any) -> Batch:
        """First the batches of the claim; the deletion is the last one."""
        state = cursor or {"at": None, "claimed": not seen["holds"]}
        if state["claimed"]:
            return Batch([{"step": self.slug}], None, last=True)
        part = CLAIM.batch(_claim(ctx), seen["claim"], state["at"])
        return replace(part, cursor={"at": part.cursor, "claimed": part.last}, last=False)

    def act(self, ctx: ActionContext, seen: Seen, work: list[Any]) -> Done:
        return self._delete(ctx) if _deletes(work) else CLAIM.act(_claim(ctx), seen["claim"], work)

    def _delete(self, ctx: ActionContext) -> Done:
        lost = writes.consumer_delete(ctx.server, ctx.key, name("group", ctx.params["group"]), _name(ctx))
        if lost < 0:
            why = "It holds entries that were delivered to it or touched since the plan; they would be lost."
            raise ServerRefused(f"{plain(_name(ctx))} was not deleted. {why}", "CHANGED")
        return Done(counts=Counter({"done": 1, "failed": lost} if lost else {"done": 1}))

    def reconcile(self, ctx: ActionContext, seen: Seen, work: list[Any]) -> Done:
        return (
            super().reconcile(ctx, seen, work) if _deletes(work) else CLAIM.reconcile(_claim(ctx), seen["claim"], work)
        )

    def outcome(self, ctx: ActionContext, seen: Seen) -> str:
        return "failed" if consumer_of(find_group(ctx), _name(ctx)) else "done"

    def affected(self, ctx: ActionContext, seen: Seen) -> Iterator[Sequence[PendingEntry]] | None:
        """What it holds, and another gets."""
        return pending(ctx, name("group", ctx.params["group"]), _name(ctx)) if seen["holds"] else None

    def figures(self, ctx: ActionContext) -> list[list[Any]]:
        overview = find_group(ctx)
        if overview is None:
            return super().figures(ctx)
        wanted = [_name(ctx), *([name("to", ctx.params["to"])] if "to" in ctx.params else [])]
        there = [(who, consumer_of(overview, who)) for who in wanted]
        return [*figures_of(overview), *([f"pending with {plain(who)}", c.pending] for who, c in there if c)]

    def form(self, ctx: ActionContext, data: Any = None) -> forms.Form:
        return ConsumerDeleteForm(data, overview=the_group(ctx), chosen=_asked(ctx))

    def from_form(self, ctx: ActionContext, form: forms.Form) -> Params:
        return {"group": ctx.params.get("group"), **{k: v for k, v in form.cleaned_data.items() if v}}


def _asked(ctx: ActionContext) -> str:
    return str(ctx.params.get("filter", {}).get("consumer", ""))


def _deletes(work: list[Any]) -> bool:
    return isinstance(work[0], dict)


def _claim(ctx: ActionContext) -> ActionContext:
    """The same, as `claim` takes it: all that the consumer holds."""
    params = {
        "group": ctx.params["group"],
        "filter": {"consumer": ctx.params["consumer"]},
        "to": ctx.params["to"],
    }
    return replace(ctx, params=params)


class ConsumerDeleteForm(forms.Form):
    """Which one, and who gets what it holds. Nobody is chosen to get it: most may be as silent as that one."""

    consumer = forms.ChoiceField(label="Consumer")
    to = forms.ChoiceField(
        label="Give its pending entries to",
        required=False,
        help_text="Required if it has any. They are claimed first.",
    )

    def __init__(self, data: Any, *, overview: GroupOverview, chosen: str) -> None:
        super().__init__(data, initial={"consumer": chosen})
        self.held = {to_path(c.name): c.pending for c in overview.consumers}
        ours = choices_of(overview.consumers)
        choice_field(self, "consumer").choices = ours
        takers = [choice for choice in ours if choice[0] != chosen]
        choice_field(self, "to").choices = [("", "choose a consumer"), *takers]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        consumer, to = found.get("consumer", ""), found.get("to")
        if to and to == consumer:
            self.add_error("to", "That is the consumer itself. Choose another one.")
        elif to == "" and self.held.get(consumer):
            held = plural(self.held[consumer], "pending entry", "pending entries")
            self.add_error("to", f"It holds {held}, which would be lost with it. Choose a consumer to take them.")
        return found


def _delete_preview(ctx: ActionContext, overview: GroupOverview, found: ConsumerFacts) -> Preview:
    words = writes.consumer_delete_words(ctx.key, overview.group.name, found.name)
    return Preview(
        title=f"Remove consumer {plain(found.name)}",
        sentence=f"It has no pending entries in {plain(overview.group.name)}. Nothing is lost.",
        button="Remove consumer",
        total=1,
        counts={"pending": 0},
        notes=[*_alive(found), _atomic(found)],
        changes=[Change("consumers", overview.group.consumers, overview.group.consumers - 1)],
        redis_cli=[redis_cli_text.line(*words)],
    )


def _alive(found: ConsumerFacts) -> list[Note]:
    return alive_note([found], "Redis creates it again on its next read.")


def _atomic(found: ConsumerFacts) -> Note:
    text = "Check and deletion are one atomic step. If it receives entries before that, it is not deleted."
    return Note("", f"Only while {plain(found.name)} has no pending entries", text)


def _claim_preview(ctx: ActionContext, overview: GroupOverview, found: ConsumerFacts, claiming: Preview) -> Preview:
    to = name("to", ctx.params["to"])
    words = writes.consumer_delete_words(ctx.key, overview.group.name, found.name)
    held = plural(found.pending, "entry", "entries")
    comes = 0 if consumer_of(overview, to) else 1
    return replace(
        claiming,
        title=f"Claim {held} for {plain(to)}, then remove {plain(found.name)}",
        sentence=f"The entries of {plain(found.name)} go to {plain(to)}; then it is deleted, if it has no others.",
        button="Claim, then remove",
        total=None if claiming.total is None else claiming.total + 1,
        notes=[*_alive(found), *claiming.notes, _atomic(found)],
        changes=[
            *claiming.changes,
            Change("consumers", overview.group.consumers, overview.group.consumers - 1 + comes),
        ],
        redis_cli=[*claiming.redis_cli, redis_cli_text.line(*words)],
    )
