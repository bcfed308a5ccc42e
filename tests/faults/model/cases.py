"""One fault after the other, each at the worst moment, for every action: what docs/actions.md promises.

A case takes a house in which an operation has begun, and lets it meet its fault. What came of it is said in a few
words, by what is on the server and by what the operation says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from streams_admin.models import Operation
from tests.faults.model.actors import Actor
from tests.faults.model.house import House

Fault = Callable[[House], None]


def undisturbed(house: House) -> None:
    """Nothing happens."""


def killed_before(house: House) -> None:
    house.kill(at_write(house))


def killed_after(house: House) -> None:
    actor = at_write(house)
    house.move(actor)
    house.kill(actor)


def stopped(house: House) -> None:
    """Right before the write, which it sends when the other one is through."""
    actor = at_write(house)
    house.spawn()
    house.to_end(house.actors[-1])
    house.to_end(actor)


def reply_lost(house: House) -> None:
    house.move(at_write(house), "cut")


def command_lost(house: House) -> None:
    house.move(at_write(house), "lose")


def command_late(house: House) -> None:
    """It arrives after everybody has looked what came of it, and the operation is over."""
    house.move(at_write(house), "hold")


def killed_while_saving(house: House) -> None:
    """In the transaction of our database that ends the operation: its row and its audit record."""
    house.kill_in_a_transaction(at_write(house), 2)


def clock_wrong(house: House) -> None:
    """Somebody else's, by an hour: it does not take what a process runs that is seen."""
    actor = at_write(house)
    house.look_for_work(3600.0)
    house.to_end(actor)


def other_type(house: House) -> None:
    house.kill(at_write(house))
    house.stream_is_a_string()


def killed_and_cancelled(house: House) -> None:
    house.kill(at_write(house))
    house.request("cancel")


def other_server(house: House) -> None:
    house.kill(at_write(house))
    house.server_is_another()


def recreated(house: House) -> None:
    house.kill(at_write(house))
    house.stream_is_another()


def at_write(house: House) -> Actor:
    """The runner that is about to write: in the middle of the operation, where it has one."""
    if len(house.verb.about) > 1:
        house.to_end(house.actors[0])
        house.spawn()
    assert house.to_write(house.actors[-1])
    return house.actors[-1]


FAULTS: dict[str, Fault] = {
    "none": undisturbed,
    "killed before a command": killed_before,
    "killed after it": killed_after,
    "stopped, taken over, goes on": stopped,
    "reply lost": reply_lost,
    "command lost": command_lost,
    "command late": command_late,
    "killed while saving": killed_while_saving,
    "wrong clock": clock_wrong,
    "killed, then cancelled": killed_and_cancelled,
    "another server": other_server,
    "stream recreated": recreated,
    "other type": other_type,
}


def outcome(house: House) -> str:
    """In a word or two, of a house that has settled and was checked."""
    operation = house.operation
    assert operation
    said = Counter(operation.results)
    if said["unknown"]:
        return "`unknown`"
    if said["failed"]:
        return "`failed`"
    return "once" if said.total() == house.verb.results else _stopped(operation)


def _stopped(operation: Operation) -> str:
    return f"stops, `{operation.state}`"
