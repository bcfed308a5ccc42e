"""What each kind of finding is called on a page, and phrases that several rules use."""

from __future__ import annotations

from dashboard.display.format import plural
from dashboard.streams.names import plain

WORDS = {
    "stuck": "Stuck",
    "poison": "Poison",
    "silent_consumer": "Silent consumer",
    "ghosts": "Deleted while pending",
    "no_consumer": "Nobody reading",
    "falling_behind": "Falling behind",
    "lag_unknown": "Lag unknown",
    "released": "Released",
    "held_long": "Held long",
    "never_acknowledges": "Never acknowledges",
    "position_ahead": "Position ahead",
    "position_lost": "Entries lost unread",
    "will_lose": "Will lose entries",
    "orphan_consumers": "Orphan consumers",
    "group_vanished": "Group vanished",
    "silent_stream": "Silent stream",
    "unbounded": "Unbounded",
    "dead_letters": "Dead letters",
    "id_ahead": "ID ahead of the clock",
    "unreachable": "Unreachable",
    "memory": "Memory",
    "refuses_writes": "Refuses writes",
    "replica": "Replica",
    "no_group_errors": "No such group",
}


def label(kind: str, severity: str) -> str:
    """What a finding is called: of what waits too long one word for each severity, so for each colour.

    A kind that another version has recorded is called by its name.
    """
    return "Late" if (kind, severity) == ("stuck", "late") else WORDS.get(kind, kind.replace("_", " ").capitalize())


def who(consumer: bytes) -> str:
    """A consumer may be called nothing at all."""
    return plain(consumer) or "The unnamed consumer"


def entries(count: int) -> str:
    return plural(count, "entry", "entries")
