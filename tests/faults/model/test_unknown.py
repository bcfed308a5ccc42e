"""Where "unknown" is said, nobody could know: two histories that end alike differ in what was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.model.cases import at_write
from tests.faults.model.checks import check
from tests.faults.model.hidden import HIDDEN, Hidden, Others
from tests.faults.model.house import House, Place
from tests.faults.model.ledger import look
from tests.faults.model.verbs import VERBS
from tests.faults.model.wire import Fate

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "actions.md"


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: f"{hidden.slug}, {hidden.why}")
def test_two_histories_that_end_alike(hidden: Hidden, place: Place) -> None:
    carried_out, numbers = history(hidden, "cut", hidden.carried_out, [], place)
    lost, _ = history(hidden, "lose", hidden.lost, numbers, place)
    assert numbers, "something was done"
    assert carried_out == lost
    assert "unknown" in carried_out[0].values() or carried_out[1] == {"unknown": 1}


def test_the_page_says_what_nobody_could_know() -> None:
    page = PAGE.read_text()
    for hidden in HIDDEN:
        line = next(line for line in page.splitlines() if hidden.why in line)
        assert f"`{hidden.slug}`" in line


def history(
    hidden: Hidden, fate: Fate, others: Others, numbers: list[str], place: Place
) -> tuple[tuple[dict[str, str], dict[str, int], object], list[str]]:
    """What was said and what is there at the end; and the entries that were done by the command."""
    house = House(next(verb for verb in VERBS if verb.slug == hidden.slug), place)
    try:
        actor = at_write(house)
        before = house.ledger.of(house.verb.effect)
        house.move(actor, fate)
        numbers = numbers or list(house.ledger.of(house.verb.effect) - before)
        others(house, [f"{number}-0" for number in numbers])
        house.settle()
        check(house)
        operation = house.operation
        assert operation
        return (dict(operation.entries), operation.results, _there(house)), numbers
    finally:
        house.end()


def _there(house: House) -> object:
    """Without what differs each time: idle times, and the IDs that a server gives."""
    now = look(house.truth)
    held = {id_: row[:2] for id_, row in now.pending.items()}
    return now.source, held, sorted(now.copies.values()), now.groups, now.consumers
