"""What a plan shows: what would be done, in words and counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Note:
    """A warning or a fact beside a plan, the weightiest first. `instead`: the action that would be better then."""

    severity: str
    title: str
    text: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before and after. `after` None: not known before it is done. `unit`: "" or "ms"."""

    label: str
    now: int | None
    after: int | None
    note: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done, in words and counts. No payloads: it is kept with the plan.

    `total`: entries, None when they cannot be counted; `least`: there are at least that many. `sample`: IDs to show.
    `confirm`: what must be typed, "" for nothing. `lasting`: takes longer than a request may, however few there are.
    """

    title: str
    sentence: str
    button: str
    total: int | None
    least: bool = False
    counts: dict[str, int | None] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    sample: list[dict[str, Any]] = field(default_factory=list)
    redis_cli: list[str] = field(default_factory=list)
    confirm: str = ""
    lasting: bool = False

    def to_json(self, *last: Note) -> dict[str, Any]:
        """As it is kept and shown: the weightiest notes first, and those that come `last` in any case."""
        weight = ("stuck", "late", "unknown", "")
        notes = [*sorted(self.notes, key=lambda note: weight.index(note.severity)), *last]
        return {**asdict(self), "notes": [asdict(note) for note in notes]}
