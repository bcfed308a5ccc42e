"""What a plan says Redis is told: the commands with their IDs, as far as somebody may want to paste them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from dashboard.display.format import number
from dashboard.streams.queries import Command
from streams_admin import redis_cli_text

Entry = TypeVar("Entry")
SHOWN = 100
"""Entries that are named in full."""


def lines(words: Callable[[Sequence[Entry]], Sequence[Command]], entries: Sequence[Entry], total: int) -> list[str]:
    """The commands for the first SHOWN of the entries, and how many more there are. `words` gives them for some."""
    shown = entries[:SHOWN]
    more = [f"# and {number(total - len(shown))} more IDs"] if total > len(shown) else []
    return [*(redis_cli_text.line(*command) for command in words(shown)), *more]
