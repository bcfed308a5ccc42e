"""What is wrong with a filter, and where."""

from __future__ import annotations

from dashboard.http.params import BadParameter

EXAMPLES = (
    "status = failed, status != paid, note ~ part, quantity > 4 (also <, >=, <=; these compare numbers), "
    "order.items[0].sku = A-1, has note; joined by and, or, not and parentheses"
)
"""Every form, by example."""
SHOWN = 60


class InvalidFilter(BadParameter):
    """`place`: the characters that are wrong; the end of the text, twice, when something is missing there."""

    def __init__(self, text: str, why: str, start: int, end: int) -> None:
        said = f"where, character {start + 1}" if start else "where"
        super().__init__("where", f"{said}: {why}", (start, max(start, min(end, len(text)))))


def no_condition(text: str, start: int, end: int) -> InvalidFilter:
    """`text[start:end]` stands where a condition should."""
    found = text[start:end].strip()
    what = f"{found[:SHOWN]!r} is not a valid condition" if found else "A condition is missing"
    return InvalidFilter(text, f"{what}; write a field and a value, like {EXAMPLES}.", start, end)
