"""What nobody could know, and who is therefore right to say "unknown": each is shown by a pair of histories.

In one a command was carried out and its reply lost, in the other the command was lost. Then others do what they may do,
and the two servers look the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.model.house import House
from tests.faults.model.ledger import COPY, DLQ, GROUP, KEY, SPARE, WORKER, look
from tests.faults.model.verbs import HELD

Others = Callable[[House, list[str]], None]
"""What others do; to the entries that the command was about."""


@dataclass(frozen=True)
class Hidden:
    """`why`: as docs/actions.md says it. `carried_out`, `lost`: what others do after either."""

    why: str
    slug: str
    carried_out: Others
    lost: Others


def delete_copies(house: House, ids: list[str]) -> None:
    """As workers do that keep their stream short; one more comes and is processed."""
    _pass_through(house, 5 - len(ids))
    for key, id_ in list(look(house.truth).copies):
        house.truth.xdel(key, id_)


def add_and_delete(house: House, ids: list[str]) -> None:
    delete_copies(house, [])


def acknowledge_and_pass(house: House, ids: list[str]) -> None:
    """The workers finish what was to be moved."""
    house.touched |= {id_.split("-")[0] for id_ in ids}
    house.truth.xack(KEY, GROUP, *ids)
    delete_copies(house, [])


def destroy(house: House, ids: list[str]) -> None:
    house.group_is_destroyed(again=False)


def create_again(house: House, ids: list[str]) -> None:
    """As workers do that find no group: at the position they know."""
    house.disturbed.add("group")
    house.truth.xgroup_create(KEY, GROUP, "10-0")


def create_and_join(house: House, ids: list[str]) -> None:
    """Its workers create it again and join."""
    create_again(house, ids)
    for name in (WORKER, SPARE):
        house.truth.xgroup_createconsumer(KEY, GROUP, name)


def acknowledge_all(house: House, ids: list[str]) -> None:
    house.touched |= set(HELD)
    house.truth.xack(KEY, GROUP, *[f"{number}-0" for number in HELD])


def destroy_and_create(house: House, ids: list[str]) -> None:
    house.group_is_destroyed(again=True)


def _pass_through(house: House, count: int) -> None:
    house.disturbed.add("copies")
    for key in (COPY, DLQ):
        for number in range(5 - count, 5):
            house.truth.xdel(key, house.truth.xadd(key, {"n": "new"}, id=f"{AHEAD}-{number}"))


AHEAD = 10**14
"""Milliseconds that are ahead of every clock: past the IDs that copies are to have."""
TARGET = "the copies were processed and deleted, and others were added"
GONE = "the group was destroyed"
HIDDEN = (
    Hidden(TARGET, "replay", delete_copies, add_and_delete),
    Hidden(TARGET, "dead_letter", delete_copies, acknowledge_and_pass),
    *(Hidden(GONE, slug, destroy, destroy) for slug in ("claim", "ack", "release")),
    Hidden("a group of that name was created again", "group_destroy", create_again, destroy_and_create),
    Hidden("its workers acknowledged what it had pending", "group_destroy", create_and_join, acknowledge_all),
)
