"""What each kind of finding is called on a page, and phrases that several rules use."""

from __future__ import annotations

from dashboard.display.format import plural
from dashboard.streams.names import plain

WORDS = {
    "stuck": "Stuck",
    "poison": "Poison",
    "silent_consumer": "Silent consumer",
    "ghosts": "No body",
    "no_consumer": "No consumer",
    "falling_behind": "Falling behind",
    "lag_unknown": "Lag unknown",
}


def who(consumer: bytes) -> str:
    """A consumer may be called nothing at all."""
    return plain(consumer) or "The consumer without a name"


def entries(count: int) -> str:
    return plural(count, "entry", "entries")
