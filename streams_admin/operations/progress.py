"""How an operation goes, in words: what is done, how fast, how long it may still take, and how figures changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboard.display.format import age, number, rate
from streams_admin.actions.reads.targets import IN_TARGET
from streams_admin.actions.work import RESULTS
from streams_admin.models import Operation

FIGURES = 14
"""Lines that the table of before and after has at most."""
ALWAYS = ("failed", "unknown")
"""Results that are listed while it runs even where there are none."""
SECONDS = ", s"
"""What the label of a figure ends with that is a time."""

Known = tuple[str, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Row:
    """A figure before and after, in words."""

    label: str
    before: str
    after: str
    same: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """`left`: the time it may still take, "" where that is unknown; `took`: of one that is over."""

    per_second: str
    left: str
    took: str
    results: list[tuple[str, int]]

    @classmethod
    def of(cls, operation: Operation, now: datetime) -> Progress:
        """Of all of its time: when it is paused, it its rate falls and no time left is given."""
        spent = ((operation.ended or now) - operation.created).total_seconds()
        speed = operation.done / spent if spent > 0 else 0.0
        runs = operation.state in operation.GOING and speed > 0
        left = (operation.total or 0) - operation.done
        found = operation.results
        kinds = [kind for kind in RESULTS if found.get(kind) or (kind in ALWAYS and not operation.over)]
        return cls(
            per_second=rate(speed) if runs else "",
            left=f"about {age(int(left / speed * 1000))}" if runs and left > 0 else "",
            took=age(int(spent * 1000)) if operation.over else "",
            results=[(kind, found.get(kind, 0)) for kind in kinds],
        )


def visible_figures(operation: Operation, hidden: bytes | None) -> list[Known]:
    """Those that are for the reader: not of a target that is `hidden` from them."""
    return [figure for figure in operation.figures if hidden is None or figure[0] != IN_TARGET]


def rows(figures: list[Known]) -> list[Row]:
    """What changed most comes before what changed little once there is no room for all; the last one says how many."""
    if len(figures) > FIGURES:
        kept = sorted(figures, key=_weight)[: FIGURES - 1]
        more = len(figures) - len(kept)
        return [*(_row(each) for each in figures if each in kept), Row(f"and {number(more)} more", "", "", True)]
    return [_row(each) for each in figures]


def _weight(figure: Known) -> tuple[bool, int]:
    """What is about a single consumer gives way first."""
    label, before, after = figure
    return label.startswith("pending with"), -abs((after or 0) - (before or 0))


def _row(figure: Known) -> Row:
    label, before, after = figure
    if label.endswith(SECONDS):
        ages = [age(None if value is None else value * 1000) for value in (before, after)]
        return Row(label.removesuffix(SECONDS), ages[0], ages[1], before == after)
    return Row(label, number(before), number(after), before == after)
