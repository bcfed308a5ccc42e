"""What was cleared in the last 24 hours: a part of the home page, or all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import menus
from dashboard.accounts.principals import Principal
from dashboard.display.format import number
from dashboard.fleet.store import Cleared, cleared, details
from dashboard.http import params
from dashboard.menus import LastAction, Target

FEW = 5
"""Rows of the part."""
ROWS = 100
"""Rows of a page of all of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """`after`: what was done there just before; None where nothing was, or where the principal may not know."""

    item: Cleared
    after: LastAction | None


def recently_cleared(principal: Principal, server: str, *, start: int | None) -> dict[str, object]:
    """For templates. `start`: rows before the page of all of it; None for the part of the home page."""
    found = cleared(principal, server=server or None)
    first, count = start or 0, len(found.items)
    end = first + (FEW if start is None else ROWS)
    address = {"server": server, "cleared": 1}
    return {
        "rows": _rows(principal, details(found.items[first:end])),
        "count": f"{'at least ' if found.at_least else ''}{number(count)} in all" if count else "",
        "error": found.error,
        "all": params.address(address) if start is None and count > end else "",
        "older": params.address({**address, "start": end}) if start is not None and count > end else "",
        "newer": params.address({**address, "start": max(0, first - ROWS) or ""}) if first else "",
    }


def _rows(principal: Principal, items: Sequence[Cleared]) -> list[Row]:
    moments = [
        (Target(item.server.name, item.finding.stream, item.finding.group), item.brief.cleared_at)
        for item in items
        if item.finding.stream is not None
    ]
    after = iter(menus.last_actions(principal, moments))
    return [Row(item, None if item.finding.stream is None else next(after)) for item in items]
