"""How wide the columns of the entries table are: decided once, by what is in them, so that news never moves them."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.display.rows import COLUMNS, EntryRow

NARROW, MEDIUM, WIDE = "w-3", "w-4", "w-6"
"""Classes of the style sheet. Columns without one share what the others leave."""
NARROW_CHARS, MEDIUM_CHARS = 13, 18
"""Characters that fit into a narrow and a medium column."""
ID_CHARS = 19
"""Of an ID made by the server, with a counter up to 99,999."""
OUTLIERS = 0.1
"""Of the values: a few long ones are cut, and make no column wide."""


def widths(rows: Sequence[EntryRow], names: Sequence[bytes]) -> tuple[str, ...]:
    """The class of each column, in the order of `names`; "" where it shares. All alike when none is long."""
    found = tuple(_width(max(len(name), _length(rows, at))) for at, name in enumerate(names))
    if len(names) > COLUMNS:  # more than fit on a screen: the table scrolls sideways
        return tuple(width or WIDE for width in found)
    return found if "" in found else ("",) * len(found)


def id_width(ids: Sequence[str]) -> str:
    """The class of the column of IDs, "" when they are of the usual length."""
    return WIDE if any(len(id_) > ID_CHARS for id_ in ids) else ""


def _width(length: int) -> str:
    return NARROW if length <= NARROW_CHARS else MEDIUM if length <= MEDIUM_CHARS else ""


def _length(rows: Sequence[EntryRow], at: int) -> int:
    """Characters of a column's longest value, but for outliers; 0 without any."""
    cells = (row.cells[at] for row in rows if row.cells)
    lengths = sorted((len(cell.text) for cell in cells if cell), reverse=True)
    return lengths[int(len(lengths) * OUTLIERS)] if lengths else 0
