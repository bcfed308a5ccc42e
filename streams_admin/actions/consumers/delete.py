"""Delete a consumer that holds nothing, or after another has got what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from dashboard.accounts.access import require
from dashboard.accounts.permissions import Permission
from dashboard.display.format import plural
from dashboard.streams.errors import ServerRefused
from dashboard.streams.names import plain, to_path
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview, PendingEntry
from streams_admin import redis_cli_text, writes
from streams_admin.actions.base import Action
from streams_admin.actions.consumers.create import consumer_of
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.claim_form import choices_of
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.affected import pending
from streams_admin.actions.reads.pending import PendingWork
from streams_admin.actions.reads.snapshots import PendingSeen
from streams_admin.actions.single import alive_note, figures_of, find_group, the_group
from streams_admin.actions.work import Batch, Done, Place
from streams_admin.errors import Changed
from streams_admin.forms import choice_field
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.groups import ConsumerDeleteParams
from streams_admin.params.pending import ClaimParams
from streams_admin.params.selection import Filter

Context = ActionContext[ConsumerDeleteParams]


@dataclass(frozen=True, slots=True)
class ConsumerSeen:
    """Which entries another consumer gets; None when this one held nothing."""

    claim: PendingSeen | None = None


@dataclass(frozen=True, slots=True)
class ConsumerCursor:
    """Where the claim goes on, and whether it is through: then the consumer is deleted."""

    claim: Place | None = None
    claimed: bool = False


DELETION = PendingWork("", b"", 0, 0)
"""The piece of work that names no entries."""


class ConsumerDelete(Action[ConsumerDeleteParams, ConsumerSeen, PendingWork, ConsumerCursor]):
    """Claims what the consumer holds for `to`, in batches as `claim` does, then deletes it while it holds nothing.

    `claim`: the verb that does the first part.
    """

    model = ConsumerDeleteParams
    seen_model = ConsumerSeen
    work_model = PendingWork
    cursor_model = ConsumerCursor
    about = "group"
    slug = "consumer_delete"
    apart = "Entries that it is given just in between are lost with it; the result counts them."
    label = "Remove consumer…"
    permission = Permission.CONSUMERS

    def __init__(self, claim: PendingAction[ClaimParams]) -> None:
        self._claim = claim

    def authorise(self, ctx: Context) -> None:
        if ctx.params.to is not None:
            require(ctx.principal, self._claim.permission, ctx.server.name, ctx.key)

    def look(self, ctx: Context) -> tuple[Preview, ConsumerSeen]:
        overview = the_group(ctx, ctx.params.group)
        found = consumer_of(overview, ctx.params.consumer)
        if found is None:
            raise Changed(f"There is no consumer {plain(ctx.params.consumer)} in {plain(overview.group.name)}.")
        if not found.pending:
            return _delete_preview(ctx, overview, found), ConsumerSeen()
        if ctx.params.to is None:
            held = plural(found.pending, "pending entry", "pending entries")
            raise Changed(
                f"{plain(found.name)} holds {held}, which would be lost with it. Name a consumer to take them (to)."
            )
        claiming, seen = self._claim.look(_as_claim(ctx))
        return _claim_preview(ctx, overview, found, claiming), ConsumerSeen(seen)

    def changed(self, ctx: Context, seen: ConsumerSeen) -> str:
        found = consumer_of(overview := find_group(ctx, ctx.params.group), ctx.params.consumer)
        if overview is None or found is None:
            return "The consumer no longer exists."
        if found.pending and not seen.claim:
            return f"{plain(found.name)} now holds {plural(found.pending, 'entry', 'entries')}: it is working."
        return self._claim.still(_as_claim(ctx), seen.claim, overview) if seen.claim else ""

    def batch(
        self, ctx: Context, seen: ConsumerSeen, cursor: ConsumerCursor | None
    ) -> Batch[PendingWork, ConsumerCursor]:
        """First the batches of the claim; the deletion is the last one."""
        at = cursor or ConsumerCursor()
        if seen.claim is None or at.claimed:
            return Batch([DELETION], None, last=True)
        part = self._claim.batch(_as_claim(ctx), seen.claim, at.claim)
        return Batch(part.work, ConsumerCursor(part.cursor, part.last), part.settled, passed=part.passed)

    def act(self, ctx: Context, seen: ConsumerSeen, work: Sequence[PendingWork]) -> Done:
        if seen.claim is None or work[0] == DELETION:
            return self._delete(ctx)
        return self._claim.act(_as_claim(ctx), seen.claim, work)

    def _delete(self, ctx: Context) -> Done:
        lost = writes.consumer_delete(ctx.server, ctx.key, ctx.params.group, ctx.params.consumer)
        if lost < 0:
            why = "It holds entries that were delivered to it or touched since the plan; they would be lost."
            raise ServerRefused(f"{plain(ctx.params.consumer)} was not deleted. {why}", "CHANGED")
        return Done(counts=Counter({"done": 1, "failed": lost} if lost else {"done": 1}))

    def reconcile(self, ctx: Context, seen: ConsumerSeen, work: Sequence[PendingWork]) -> Done:
        if seen.claim is None or work[0] == DELETION:
            return Done(counts=Counter({self._outcome(ctx): 1}))
        return self._claim.reconcile(_as_claim(ctx), seen.claim, work)

    def _outcome(self, ctx: Context) -> str:
        """Of a deletion whose reply was lost."""
        return "failed" if consumer_of(find_group(ctx, ctx.params.group), ctx.params.consumer) else "done"

    def affected(self, ctx: Context, seen: ConsumerSeen) -> Iterator[Sequence[PendingEntry]] | None:
        """What it holds, and another gets."""
        return pending(ctx, ctx.params.group, ctx.params.consumer) if seen.claim else None

    def figures(self, ctx: Context) -> list[list[Any]]:
        overview = find_group(ctx, ctx.params.group)
        if overview is None:
            return figures_of(ctx, None)
        wanted = [ctx.params.consumer, *([] if ctx.params.to is None else [ctx.params.to])]
        there = [(who, consumer_of(overview, who)) for who in wanted]
        return [*figures_of(ctx, overview), *([f"pending with {plain(who)}", c.pending] for who, c in there if c)]

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        overview, only = the_group(ctx, ctx.params.of_group.group), ctx.params.filter
        chosen = to_path(only.consumer) if only and only.consumer is not None else ""
        return ConsumerDeleteForm(data, overview=overview, chosen=chosen)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        return {"group": ctx.params.group, **form.cleaned_data}


def _as_claim(ctx: Context) -> ActionContext[ClaimParams]:
    """The same, as `claim` takes it: all that the consumer holds."""
    wanted = ctx.params
    params = ClaimParams(group=wanted.group, filter=Filter(consumer=wanted.consumer), to=wanted.to or b"")
    more = {"operation": ctx.operation, "reason": ctx.reason}
    return ActionContext(ctx.principal, ctx.server, ctx.key, params, **more, most=ctx.most)


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


def _delete_preview(ctx: Scope, overview: GroupOverview, found: ConsumerFacts) -> Preview:
    words = writes.consumer_delete_argv(ctx.key, overview.group.name, found.name)
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


def _claim_preview(ctx: Context, overview: GroupOverview, found: ConsumerFacts, claiming: Preview) -> Preview:
    to = ctx.params.to or b""
    words = writes.consumer_delete_argv(ctx.key, overview.group.name, found.name)
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
