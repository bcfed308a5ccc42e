"""Dead-letter: move pending entries to another stream, so that the group gets on and nothing is lost.

Exactly one copy, however often it is repeated or interrupted: the pending entry itself is the marker. Redis takes it
off the list in the very step that makes the copy (a script; MULTI where scripts are refused), and no step is taken for
an entry that is not on the list any more. Nothing is ever sent twice; after a lost reply or a crash the target is read
for the copy, which names its origin and this operation, behind the ID that the target had reached before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from dashboard.accounts.access import may, require
from dashboard.accounts.permissions import Permission
from dashboard.display.format import number, plural
from dashboard.streams.errors import Gone
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.names import plain, to_path
from dashboard.streams.queries import Command, FactsQuery, Query
from dashboard.streams.replies import Reply
from dashboard.streams.snapshots import Entry, GroupOverview, PendingEntry, StreamFacts
from streams_admin import redis_cli_text, writes
from streams_admin.actions.base import Ask, Batch, Change, Done, Note, Params, Preview, Seen
from streams_admin.actions.groups import others
from streams_admin.actions.lines import SHOWN
from streams_admin.actions.pending import retried
from streams_admin.actions.pending.base import PendingAction
from streams_admin.actions.pending.unchanged import held, still_holds
from streams_admin.actions.pending.words import busy_note, ghost_note, owners, per_consumer, preview_of
from streams_admin.actions.reads.affected import named, pending
from streams_admin.actions.reads.entries import stream_facts
from streams_admin.actions.reads.losses import counts_of, may_lose, worse
from streams_admin.actions.reads.pending import Looked, group_of, read_pending
from streams_admin.actions.reads.targets import allow_target, reached, tail_of, target_figures
from streams_admin.actions.single import typed
from streams_admin.params.which import Which, name, truth
from streams_admin.writes import Held
from streams_admin.writes.provenance import Stamp, is_copy

RESULT = {1: "done", 0: "already_acknowledged", -1: "owner_changed", -2: "body_gone", writes.REFUSED: "failed"}


class DeadLetter(PendingAction):
    slug = "dead_letter"
    label = "Dead-letter…"
    permission = Permission.DEAD_LETTER

    def options(self, raw: Mapping[str, Any]) -> Params:
        to = {"to": to_path(name("to", raw["to"]))} if raw.get("to") not in (None, "") else {}
        return {**to, "delete": truth("delete", raw.get("delete", False)), **retried.option(raw)}

    def allow(self, ask: Ask) -> None:
        """Who may put entries aside may not delete them by it."""
        allow_target(ask, _to(ask), self.permission)
        if ask.params["delete"]:
            require(ask.principal, Permission.DELETE, ask.server.name, ask.key)

    def looked(self, ask: Ask) -> Looked:
        looked = super().looked(ask)
        return replace(looked, lost=others.of_looked(ask, looked)) if ask.params["delete"] else looked

    def preview(self, ask: Ask, looked: Looked) -> Preview:
        found = self._preview(ask, looked)
        if not ask.params["delete"]:
            return found
        confirm = typed(ask.key) if may_lose(looked.lost, others.count(looked)) else ""
        return replace(found, counts={**found.counts, **counts_of(looked.lost)}, confirm=confirm)

    def _preview(self, ask: Ask, looked: Looked) -> Preview:
        group, to, now = plain(group_of(ask)), plain(_to(ask)), looked.overview.pending.count
        facts = stream_facts(ask, _to(ask))
        gone = f" Then they go from {plain(ask.key)}, for every group." if ask.params["delete"] else ""
        return preview_of(
            looked,
            "Dead-letter",
            f"Copies them to {to}, with where they came from, and takes them off the list of {group}.{gone}",
            notes=[
                *busy_note(looked),
                *ghost_note(looked, "They stay on the list: there is nothing to copy."),
                *(others.notes(looked) if ask.params["delete"] else []),
                *_target_notes(to, facts),
                *retried.guard_notes(ask, looked, self.slug),
            ],
            changes=[
                *per_consumer(looked, {n: -count for n, count in owners(looked).items()}),
                Change("all", now, now - looked.total + looked.ghosts if _certain(looked) else None),
                *_lengths(ask, looked, facts),
            ],
            redis_cli=_lines(ask, looked),
        )

    def remember(self, ask: Ask, looked: Looked) -> Seen:
        return {"losses": [loss.to_json() for loss in looked.lost]} if ask.params["delete"] else {}

    def still(self, ask: Ask, seen: Seen, overview: GroupOverview) -> str:
        """No other group may have come to need more of them than was shown."""
        if not ask.params["delete"]:
            return ""
        group = worse(seen["losses"], others.of_seen(ask, seen))
        return f"{group} would lose more than was shown." if group else ""

    def affected(self, ask: Ask, seen: Seen) -> Iterator[Sequence[Entry | PendingEntry]] | None:
        """What goes from the stream."""
        if not ask.params["delete"]:
            return None
        if "ids" in seen:
            return named(ask, [row[0] for row in seen["ids"]])
        which = Which.parse(ask.params)
        return pending(ask, group_of(ask), which=replace(which, end=StreamId.parse(seen["end"])))

    def batch(self, ask: Ask, seen: Seen, cursor: Any) -> Batch:
        """Each piece of work ends with the ID the target has reached: its copy comes behind it."""
        found = super().batch(ask, seen, cursor)
        if "ids" not in seen or not found.work:
            return found
        since = str(reached(ask, _to(ask)))
        return replace(found, work=[[*item, since] for item in found.work])

    def page(self, ask: Ask, seen: Seen, cursor: Any) -> Query[Batch]:
        return _Reaching(_to(ask), super().page(ask, seen, cursor))

    def act(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        entries, stamp = held(work), Stamp(ask.principal.name, ask.reason, ask.operation)
        options = {"delete": ask.params["delete"], "retried": ask.params.get("retried", False)}
        replies = writes.dead_letter(ask.server, ask.key, group_of(ask), _to(ask), entries, stamp, **options)
        return Done.of([(str(e.id), RESULT[reply]) for e, reply in zip(entries, replies, strict=True)])

    def settle(self, ask: Ask, seen: Seen, work: list[Any]) -> Done:
        """What is still pending was not moved; of the rest, what has a copy was."""
        entries = held(work)
        now = {entry.id: entry for entry in read_pending(ask, [e.id for e in entries])}
        again = ask.params.get("retried", False)
        same = {e.id for e in entries if e.id in now and still_holds(now[e.id], e, retried=again)}
        here = [(e, "failed" if e.id in same else "owner_changed") for e in entries if e.id in now]
        moved, all_read = _copies(ask, [e for e in entries if e.id not in now], StreamId.parse(work[0][4]))
        elsewhere = "already_acknowledged" if all_read else "unknown"
        gone = [(e, "done" if e.id in moved else elsewhere) for e in entries if e.id not in now]
        return Done.of([(str(e.id), result) for e, result in here + gone])

    def figures(self, ask: Ask) -> list[list[Any]]:
        return [*super().figures(ask), *target_figures(ask, _to(ask))]

    def form(self, ask: Ask, data: Any = None) -> forms.Form:
        return DeadLetterForm(data, ask)

    def from_form(self, ask: Ask, form: forms.Form) -> Params:
        found = form.cleaned_data
        to = {"to": to_path(found["to"].encode())} if found["to"] else {}
        return {**ask.params, **to, "delete": found.get("delete", False), "retried": found["retried"]}


@dataclass(frozen=True)
class _Reaching(Query[Batch]):
    """A batch, and which ID the target had reached just before."""

    to: bytes
    page: Query[Batch]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.to, *self.page.keys)

    def build(self) -> Sequence[Command]:
        return [*FactsQuery(self.to).build(), *self.page.build()]

    def parse(self, replies: Sequence[Reply]) -> Batch:
        try:
            since = str(FactsQuery(self.to).parse(replies[:1]).last_generated_id)
        except Gone:
            since = str(MIN)
        found = self.page.parse(replies[1:])
        return replace(found, work=[[*item, since] for item in found.work])


class DeadLetterForm(retried.RetriedForm):
    """Where to, and for who may delete whether the entry stays in the stream."""

    field_order = ("to", "delete", "retried")
    to = forms.CharField(label="To the stream", required=False, max_length=400)
    delete = forms.BooleanField(
        label="Delete them from the stream too",
        required=False,
        help_text="Every other group loses them then. Else they stay, acknowledged.",
    )

    def __init__(self, data: Any, ask: Ask) -> None:
        super().__init__(data)
        if not may(ask.principal, Permission.DELETE, ask.server.name, ask.key):
            del self.fields["delete"]
        usual = ask.server.config.dead_letters_of(ask.key)
        self.fields["to"].required = not may(ask.principal, Permission.SEE, ask.server.name, usual)
        self.fields["to"].help_text = (
            "the usual one is a stream you may not see: name another"
            if self.fields["to"].required
            else f"{plain(usual)} when it is empty"
        )


def _to(ask: Ask) -> bytes:
    return name("to", ask.params["to"]) if "to" in ask.params else ask.server.config.dead_letters_of(ask.key)


def _copies(ask: Ask, entries: Sequence[Held], since: StreamId) -> tuple[set[StreamId], bool]:
    """Which of the entries this operation has copied behind `since`, and whether all that is there was read."""
    found: set[StreamId] = set()
    left = {e.id for e in entries}
    for copies, complete in tail_of(ask, _to(ask), since):
        found |= {id_ for id_ in left - found for copy in copies if _is_copy(ask, copy, id_)}
        if complete or found == left:
            return found, True
    return found, not left


def _is_copy(ask: Ask, copy: Entry, id_: StreamId) -> bool:
    return is_copy(copy.fields, stream=ask.key, group=group_of(ask), id_=id_, operation=ask.operation)


def _target_notes(to: str, facts: StreamFacts | None) -> list[Note]:
    if facts is None:
        return [Note("", f"{to} does not exist yet", "It is created by the first entry.")]
    if facts.groups:
        return [Note("late", f"{plural(facts.groups, 'group reads', 'groups read')} {to}", "They get the copies.")]
    return []


def _lengths(ask: Ask, looked: Looked, facts: StreamFacts | None) -> list[Change]:
    moved, length = looked.total - looked.ghosts, looked.overview.stream.length
    before = facts.length if facts else 0
    stays = length if not ask.params["delete"] else length - moved if _certain(looked) else None
    return [
        Change(f"in {plain(_to(ask))}", before, before + moved if _certain(looked) else None),
        Change("in the stream", length, stays),
    ]


def _certain(looked: Looked) -> bool:
    """Whether it is known how many of them have a body."""
    return not looked.least and looked.bodies_looked >= looked.total


def _lines(ask: Ask, looked: Looked) -> list[str]:
    first = looked.entries[0]
    entry = Held(first.id, first.consumer, first.deliveries, max(0, first.idle_ms))
    stamp, fields = Stamp(ask.principal.name, "<reason>", "<number>"), ((b"<field>", b"<value>"),)
    words = writes.dead_letter_words(ask.key, group_of(ask), _to(ask), entry, fields, stamp)
    words += [writes.delete_words(ask.key, [entry.id])] if ask.params["delete"] else []
    rest = [str(e.id) for e in looked.entries[1:SHOWN]]
    more = looked.total - 1 - len(rest)
    return [
        "# in one step for each entry",
        *(redis_cli_text.line(*line) for line in words),
        *([f"# the same for {' '.join(rest)}"] if rest else []),
        *([f"# and {number(more)} more IDs"] if more else []),
    ]
