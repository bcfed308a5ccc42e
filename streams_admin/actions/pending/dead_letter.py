"""Dead-letter: move pending entries to another stream, so that the group gets on and nothing is lost.

Exactly one copy, however often it is repeated or interrupted: the pending entry itself is the marker. Redis takes it
off the list in the very step that makes the copy (a script; MULTI where scripts are refused), and no step is taken for
an entry that is not on the list any more. Nothing is ever sent twice; after a lost reply or a crash the target is read
for the copy, which names its origin and this operation, behind the ID that the target had reached before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django import forms

from dashboard.accounts.access import may, require
from dashboard.accounts.permissions import Permission
from dashboard.display.format import number, plural
from dashboard.streams.errors import Gone
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import Command, FactsQuery, Query
from dashboard.streams.replies import Reply
from dashboard.streams.snapshots import Entry, GroupOverview, PendingEntry, StreamFacts
from streams_admin import redis_cli_text, writes
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.groups import others
from streams_admin.actions.lines import SHOWN
from streams_admin.actions.new_ids import notes_of_copies
from streams_admin.actions.pending import retried
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.unchanged import leases, still_holds
from streams_admin.actions.pending.words import busy_note, ghost_note, owners, per_consumer, preview_of
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.affected import named, pending
from streams_admin.actions.reads.entries import stream_facts
from streams_admin.actions.reads.losses import counts_of, may_lose, worse
from streams_admin.actions.reads.pending import PendingBatch, PendingWork, read_pending
from streams_admin.actions.reads.snapshots import EachSeen, Looked, MatchSeen, PendingSeen
from streams_admin.actions.reads.targets import allow_target, reached, tail_of, target_figures
from streams_admin.actions.single import typed
from streams_admin.actions.work import Done, Place
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.pending import DeadLetterParams
from streams_admin.writes import Lease
from streams_admin.writes.provenance import Stamp, copied_from

RESULT = {1: "done", 0: "already_acknowledged", -1: "owner_changed", -2: "body_gone", writes.REFUSED: "failed"}


Context = ActionContext[DeadLetterParams]


class DeadLetter(PendingAction[DeadLetterParams]):
    model = DeadLetterParams
    slug = "dead_letter"
    needs_memory = True
    late_safe = True
    at_once = writes.SCRIPTED_AT_ONCE
    apart = (
        "The copy of an entry that its worker acknowledges just in between is taken back; after a crash at that moment "
        "it stays, and counts as done."
    )
    label = "Dead-letter…"
    permission = Permission.DEAD_LETTER

    def complete(self, scope: Scope, params: DeadLetterParams) -> DeadLetterParams:
        if params.to is not None:
            return params
        return params.model_copy(update={"to": scope.server.config.dead_letters_of(scope.key)})

    def authorise(self, ctx: Context) -> None:
        """Who may put entries aside may not delete them by it."""
        allow_target(ctx, _to(ctx), self.permission)
        if ctx.params.delete:
            require(ctx.principal, Permission.DELETE, ctx.server.name, ctx.key)

    def looked(self, ctx: Context) -> Looked:
        looked = super().looked(ctx)
        return replace(looked, lost=others.of_looked(ctx, looked)) if ctx.params.delete else looked

    def preview(self, ctx: Context, looked: Looked) -> Preview:
        found = self._preview(ctx, looked)
        if not ctx.params.delete:
            return found
        confirm = typed(ctx.key) if may_lose(looked.lost, others.count(looked)) else ""
        return replace(found, counts={**found.counts, **counts_of(looked.lost)}, confirm=confirm)

    def _preview(self, ctx: Context, looked: Looked) -> Preview:
        group, to, now = plain(ctx.params.group), plain(_to(ctx)), looked.overview.pending.count
        facts = stream_facts(ctx, _to(ctx))
        gone = f" Then deletes them from {plain(ctx.key)}, for every group." if ctx.params.delete else ""
        return preview_of(
            looked,
            "Dead-letter",
            f"Copies them to {to}, with their origin, and acknowledges them in {group}.{gone}",
            notes=[
                *busy_note(looked),
                *ghost_note(looked, "They stay pending: there is nothing to copy."),
                *(others.notes(looked) if ctx.params.delete else []),
                *notes_of_copies(facts, looked.overview.now_ms),
                *_target_notes(to, facts),
                *retried.guard_notes(ctx, looked, self.slug),
            ],
            changes=[
                *per_consumer(looked, {n: -count for n, count in owners(looked).items()}),
                Change("all", now, now - looked.total + looked.ghosts if _certain(looked) else None),
                *_lengths(ctx, looked, facts),
            ],
            redis_cli=_lines(ctx, looked),
        )

    def remember(self, ctx: Context, looked: Looked, seen: PendingSeen) -> PendingSeen:
        return replace(seen, losses=tuple(loss.seen for loss in looked.lost))

    def still(self, ctx: Context, seen: PendingSeen, overview: GroupOverview) -> str:
        """No other group may have come to need more of them than was shown."""
        if not ctx.params.delete:
            return ""
        group = worse(seen.losses, others.of_seen(ctx, seen))
        return f"{group} would lose more than shown." if group else ""

    def affected(self, ctx: Context, seen: PendingSeen) -> Iterator[Sequence[Entry | PendingEntry]] | None:
        """What goes from the stream."""
        if not ctx.params.delete:
            return None
        if isinstance(seen.which, EachSeen):
            return named(ctx, [entry.id for entry in seen.which.entries])
        only = ctx.params.matching.model_copy(update={"end": seen.which.end})
        return pending(ctx, ctx.params.group, only=only)

    def batch(self, ctx: Context, seen: PendingSeen, cursor: Place | None) -> PendingBatch:
        """Each piece of work ends with the ID the target has reached: its copy comes behind it."""
        found = super().batch(ctx, seen, cursor)
        if isinstance(seen.which, MatchSeen) or not found.work:
            return found
        return _behind(found, reached(ctx, _to(ctx)))

    def page(self, ctx: Context, seen: MatchSeen, cursor: Place | None) -> Query[PendingBatch]:
        return _Reaching(_to(ctx), super().page(ctx, seen, cursor))

    def act(self, ctx: Context, seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        entries, stamp = leases(work), Stamp(ctx.principal.name, ctx.reason, ctx.operation)
        options = {"delete": ctx.params.delete, "retried": ctx.params.retried}
        replies = writes.dead_letter(ctx.server, ctx.key, ctx.params.group, _to(ctx), entries, stamp, **options)
        return Done.of([(str(e.id), RESULT[reply]) for e, reply in zip(entries, replies, strict=True)])

    def reconcile(self, ctx: Context, seen: PendingSeen, work: Sequence[PendingWork]) -> Done:
        """What has a copy was moved, though a group that was set back may have delivered it again. What is pending as
        it was, was not; of an entry that is nowhere, nobody knows without a look at all that ever came to the target:
        a copy may have been read and deleted.
        """
        entries = leases(work)
        now = {entry.id: entry for entry in read_pending(ctx, [e.id for e in entries])}
        again = ctx.params.retried
        same = {e.id for e in entries if e.id in now and still_holds(now[e.id], e, retried=again)}
        moved, all_read = _copies(ctx, entries, work[0].since or MIN)

        def result(e: Lease) -> str:
            if e.id in moved:
                return "done"
            if e.id in same:
                return "failed"
            if e.id in now:
                return "owner_changed"
            return "already_acknowledged" if all_read else "unknown"

        return Done.of([(str(e.id), result(e)) for e in entries])

    def figures(self, ctx: Context) -> list[list[Any]]:
        return [*super().figures(ctx), *target_figures(ctx, _to(ctx))]

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        return DeadLetterForm(data, ctx)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        found = form.cleaned_data
        to = {"to": found["to"].encode()} if found["to"] else {}
        return {**self.addressed(ctx.params), **to, "delete": found.get("delete", False), "retried": found["retried"]}


@dataclass(frozen=True)
class _Reaching(Query[PendingBatch]):
    """A batch, and which ID the target had reached just before."""

    to: bytes
    page: Query[PendingBatch]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.to, *self.page.keys)

    def build(self) -> Sequence[Command]:
        return [*FactsQuery(self.to).build(), *self.page.build()]

    def parse(self, replies: Sequence[Reply]) -> PendingBatch:
        try:
            since = FactsQuery(self.to).parse(replies[:1]).last_generated_id
        except Gone:
            since = MIN
        return _behind(self.page.parse(replies[1:]), since)


def _behind(batch: PendingBatch, since: StreamId) -> PendingBatch:
    """The copies come behind `since`."""
    return replace(batch, work=[item._replace(since=since) for item in batch.work])


class DeadLetterForm(retried.RetriedForm):
    """Where to, and for who may delete whether the entry stays in the stream."""

    field_order = ("to", "delete", "retried")
    to = forms.CharField(label="To the stream", required=False, max_length=400)
    delete = forms.BooleanField(
        label="Also delete them from the stream",
        required=False,
        help_text="All other groups lose them. Off: they stay, acknowledged.",
    )

    def __init__(self, data: Any, ctx: Scope) -> None:
        super().__init__(data)
        if not may(ctx.principal, Permission.DELETE, ctx.server.name, ctx.key):
            del self.fields["delete"]
        usual = ctx.server.config.dead_letters_of(ctx.key)
        self.fields["to"].required = not may(ctx.principal, Permission.SEE, ctx.server.name, usual)
        self.fields["to"].help_text = (
            "the default is a stream you may not see: enter another"
            if self.fields["to"].required
            else f"empty: {plain(usual)}"
        )


def _to(ctx: Context) -> bytes:
    return ctx.server.config.dead_letters_of(ctx.key) if ctx.params.to is None else ctx.params.to


def _copies(ctx: Context, entries: Sequence[Lease], since: StreamId) -> tuple[set[StreamId], bool]:
    """Which of the entries this operation has copied behind `since`, and whether all that is there was read."""
    found: set[StreamId] = set()
    if not entries:
        return found, True
    wanted = {str(e.id).encode(): e.id for e in entries}
    origin = partial(copied_from, stream=ctx.key, group=ctx.params.group, operation=ctx.operation)
    for copies, complete in tail_of(ctx, _to(ctx), since):
        found |= {wanted[id_] for copy in copies if (id_ := origin(copy.fields)) in wanted}
        if complete or len(found) == len(wanted):
            return found, True
    return found, False


def _target_notes(to: str, facts: StreamFacts | None) -> list[Note]:
    if facts is None:
        return [Note("", f"{to} does not exist yet", "The first entry creates it.")]
    if facts.groups:
        return [
            Note(
                "late", f"{plural(facts.groups, 'group reads', 'groups read')} {to}", "Their consumers get the copies."
            )
        ]
    return []


def _lengths(ctx: Context, looked: Looked, facts: StreamFacts | None) -> list[Change]:
    moved, length = looked.total - looked.ghosts, looked.overview.stream.length
    before = facts.length if facts else 0
    stays = length if not ctx.params.delete else length - moved if _certain(looked) else None
    return [
        Change(f"in {plain(_to(ctx))}", before, before + moved if _certain(looked) else None),
        Change("entries in the stream", length, stays),
    ]


def _certain(looked: Looked) -> bool:
    """Whether it is known how many of them have a body."""
    return not looked.least and looked.bodies_looked >= looked.total


def _lines(ctx: Context, looked: Looked) -> list[str]:
    first = looked.entries[0]
    entry = Lease(first.id, first.consumer, first.deliveries, max(0, first.idle_ms))
    stamp, fields = Stamp(ctx.principal.name, "<reason>", "<number>"), ((b"<field>", b"<value>"),)
    words = writes.dead_letter_argv(ctx.key, ctx.params.group, _to(ctx), entry, fields, stamp)
    words += [writes.delete_argv(ctx.key, [entry.id])] if ctx.params.delete else []
    rest = [str(e.id) for e in looked.entries[1:SHOWN]]
    more = looked.total - 1 - len(rest)
    return [
        "# in one step for each entry",
        *(redis_cli_text.line(*line) for line in words),
        *([f"# the same for {' '.join(rest)}"] if rest else []),
        *([f"# and {number(more)} more IDs"] if more else []),
    ]
