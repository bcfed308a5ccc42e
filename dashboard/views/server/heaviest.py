"""Which streams take most of a server's memory, and what makes them heavy."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest

from dashboard.accounts.principals import Principal
from dashboard.display.format import plural, short_number, since, size
from dashboard.fleet.store import ServerSnapshot, StreamState, once, visible
from dashboard.streams.figures import Figure
from dashboard.streams.links import Server
from dashboard.views.server.weights import memory_of

MEASURED, SHOWN = 20, 8
"""Streams whose memory is asked for, one MEMORY USAGE each and once a round, and how many of them are shown."""
ENTRY, PENDING = 40, 100
"""Bytes that an entry takes beside its payload, and about what a pending entry takes: only to guess whom to measure."""
MANY = 100
"""Entries from which the share of each says something: Redis reserves a few kilobytes for the first ones."""
LARGE = 1_000
"""Bytes per entry from which it is the entries that are heavy, not that there are many."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """A stream, what it weighs in bytes, and why."""

    state: StreamState
    memory: Figure
    why: str

    @property
    def key(self) -> bytes:
        return self.state.key

    @property
    def length(self) -> int:
        return self.state.sample.facts.length


def heaviest(principal: Principal, server: Server, snapshot: ServerSnapshot) -> tuple[Heavy, ...]:
    """Of the streams that the principal may see, heaviest first; what cannot be measured comes last."""
    return once(principal, snapshot, "heaviest", lambda: _measured(principal, server, snapshot))


def _measured(principal: Principal, server: Server, snapshot: ServerSnapshot) -> tuple[Heavy, ...]:
    states = nlargest(MEASURED, visible(principal, snapshot), key=guess)
    weights = memory_of(server, tuple(state.key for state in states))
    found = [Heavy(state, weights[state.key], why(state, weights[state.key], snapshot.now_ms)) for state in states]
    return tuple(nlargest(SHOWN, found, key=lambda heavy: heavy.memory.value or 0))


def guess(state: StreamState) -> int:
    """What a stream may weigh, in bytes, by what the round saw of it."""
    return _entries(state) + (state.pending.value or 0) * PENDING


def _entries(state: StreamState) -> int:
    facts = state.sample.facts
    return facts.length * (facts.entry_bytes + ENTRY)


def why(state: StreamState, memory: Figure, now_ms: int) -> str:
    """What makes it heavy: what is pending, large entries, or that nothing was ever removed; "" where unknown."""
    facts, pending = state.sample.facts, state.pending.value or 0
    if pending and 2 * pending * PENDING >= _entries(state):
        least = "at least " if state.pending.at_least else ""
        return f"{least}{short_number(pending)} pending in {plural(facts.groups, 'group')}"
    each = memory.value // facts.length if memory.value and facts.length >= MANY else facts.entry_bytes
    first, kept = facts.first_id, facts.entries_added == facts.length
    if each < LARGE and kept and first and first.age_ms(now_ms) is not None:
        return f"nothing was ever removed, first entry {since(first.ms, now_ms, ago=True)}"
    return f"about {size(each)} per entry" if each else ""
