"""What docs/actions.md guarantees for each action and fault is what these cases give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.model.cases import FAULTS, outcome
from tests.faults.model.checks import check
from tests.faults.model.house import House, Place
from tests.faults.model.verbs import VERBS
from tests.servers import chosen

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "actions.md"
BEGIN, END = "<!-- guarantees: written by tests/faults/model/test_guarantees.py -->\n", "<!-- end -->\n"


def test_the_table_is_what_the_cases_give(place: Place) -> None:
    """WRITE_DOCS=1 writes it. On older servers, which count less, more is unknown: there each case is checked alone."""
    table = drawn({str(verb): [met(House(verb, place), fault) for fault in FAULTS] for verb in VERBS})
    before, rest = PAGE.read_text().split(BEGIN)
    found, after = rest.split(END)
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + table + END + after)
    else:
        assert chosen() or found == table


def met(house: House, fault: str) -> str:
    try:
        FAULTS[fault](house)
        house.settle(back=False)
        check(house)
        return outcome(house)
    finally:
        house.end()


def drawn(rows: dict[str, list[str]]) -> str:
    lines = [["action", *FAULTS], ["---"] * (len(FAULTS) + 1), *([name, *cells] for name, cells in rows.items())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
