"""What an approximate trim (~) will remove: whole nodes only, by how many entries the nodes of the stream hold."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.display.format import number, plural
from dashboard.streams.names import plain
from dashboard.streams.snapshots import StreamFacts
from streams_admin.actions.context import Scope
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.positions import Count
from streams_admin.actions.single import typed

SLUG = "trim"
EXACT = Note("", "Exact (=)", "Whole nodes first, in steps, then the rest of one node.")
UNKNOWN = "How many entries a node holds is unknown: the server does not report it."


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`entries` that will go of the `wanted`, None where that is unknown; `certain`: not an estimate.

    `per_node`: entries that a node of the stream holds on average.
    """

    wanted: Count
    entries: int | None
    per_node: int | None
    certain: bool = False

    @property
    def nothing(self) -> bool:
        return self.certain and self.entries == 0

    @property
    def why_nothing(self) -> str:
        return f"approximate (~) removes whole nodes only, and one node holds all {number(self.per_node)} entries"

    def note(self) -> Note:
        """The weightier the less of what was wanted goes."""
        if self.entries is None:
            return Note("", "Approximate (~): only whole nodes are removed", UNKNOWN)
        holds = f"A node holds about {plural(self.per_node or 0, 'entry', 'entries')} here"
        if self.entries == 0:
            title = "Nothing will be removed" if self.certain else "Probably nothing will be removed"
            wanted = f"{'at least ' if self.wanted.least else ''}{plural(self.wanted.value, 'entry', 'entries')}"
            text = f"Approximate (~) removes whole nodes only. {holds}. Choose Exact to remove {wanted}."
            return Note("late", title, text, instead=SLUG)
        about = f"about {number(self.entries)} of {number(self.wanted.value)}"
        most = "all" if self.entries == self.wanted.value else f"at least {about}" if self.wanted.least else about
        title = f"Approximate (~): only whole nodes are removed, {most}"
        return Note("", title, f"{holds}. Exact removes all that was requested.")


def foresee(facts: StreamFacts, wanted: Count, step: int) -> Foreseen:
    """`step`: entries that one command removes at most; a node of more is never removed."""
    if not facts.nodes:
        return Foreseen(wanted, None, None)
    per_node = -(-facts.length // facts.nodes)
    if per_node > step:
        return Foreseen(wanted, 0, per_node, certain=facts.nodes == 1)
    if wanted.value >= facts.length:
        return Foreseen(wanted, wanted.value, per_node, certain=True)
    return Foreseen(wanted, wanted.value // per_node * per_node, per_node, certain=facts.nodes == 1)


def length_change(length: int, going: Count, nodes: Foreseen | None) -> Change:
    """The length before and after; `nodes` None: an exact trim."""
    if going.least:
        return Change("entries", length, None)
    if nodes is None or nodes.entries is None:
        return Change("entries", length, length - going.value)
    return Change("entries", length, length - nodes.entries, "" if nodes.certain else "about")


def preview_of_nothing(scope: Scope, facts: StreamFacts, nodes: Foreseen) -> Preview:
    """Of a trim that would run and remove nothing."""
    return Preview(
        title="Trim 0 entries",
        sentence=f"Removes nothing of {plain(scope.key)}: {nodes.why_nothing}.",
        button="Remove nothing",
        total=0,
        counts={"entries": 0},
        notes=[nodes.note()],
        changes=[Change("entries", facts.length, facts.length)],
        confirm=typed(scope.key),
    )
