"""What is done next, and what came of it: batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from streams_admin.params.kinds import EntryId

RESULTS = (
    "done",
    "already_acknowledged",
    "owner_changed",
    "body_gone",
    "not_found",
    "still_referenced",
    "failed",
    "unknown",
)


class Work(Protocol):
    """A piece of work: a named tuple or a frozen dataclass, saved before it is done.

    `ids`: of the entries it names, as one text with a space between; "" for none.
    """

    @property
    def ids(self) -> str: ...

    def only(self, ids: str) -> Self:
        """The same on these of its entries."""
        ...


Item = TypeVar("Item", bound=Work)
Cursor = TypeVar("Cursor")
"""Where a verb goes on."""


class Unnamed:
    """Work that names no entries."""

    __slots__ = ()

    @property
    def ids(self) -> str:
        return ""

    def only(self, ids: str) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class Step(Unnamed):
    """The only piece of work of a verb that is one command."""


class EntryWork(NamedTuple):
    """An entry of a stream."""

    ids: str

    def only(self, ids: str) -> Self:
        return self._replace(ids=ids)


class Place(NamedTuple):
    """Where a list of entries goes on: behind the first `taken` of them, at the ID `at` where it was not named.

    `wide`: few of those that were looked at matched.
    """

    taken: int
    at: EntryId | None = None
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Batch(Generic[Item, Cursor]):
    """The next pieces of work: `work` is saved before it is done, `cursor` after.

    `settled`: results without doing. `passed`: such results of entries that cannot be named.
    """

    work: list[Item]
    cursor: Cursor | None
    settled: list[tuple[str, str]] = field(default_factory=list)
    last: bool = False
    passed: Counter[str] = field(default_factory=Counter)


AnyBatch = Batch[Any, Any]


def ids_of(work: Iterable[Work]) -> list[str]:
    """The entries that a batch names."""
    return [id_ for item in work for id_ in item.ids.split()]


def part_of(work: Iterable[Item], ids: Container[str]) -> list[Item]:
    """The work on these of its entries."""
    parts = [item.only(" ".join(i for i in item.ids.split() if i in ids)) for item in work]
    return [part for part in parts if part.ids]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a batch: `named` the IDs of each result as one text, a space between; `counts` how many in all.

    An action that knows only afterwards where to go on says so by `cursor`, and by `last` that it is at the end.
    `waited`: seconds of it that it left the server alone on purpose. `again`: nothing was done, and the batch has to
    be read anew. `why`: a sentence on why an action that is at its end has done nothing.
    """

    named: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    cursor: object = None
    last: bool = False
    waited: float = 0.0
    again: bool = False
    why: str = ""

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str]]) -> Done:
        """From pairs of ID and result."""
        found: dict[str, list[str]] = {}
        for id_, result in entries:
            found.setdefault(result, []).append(id_)
        counts = Counter({result: len(ids) for result, ids in found.items()})
        return cls({result: " ".join(ids) for result, ids in found.items()}, counts)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Each named entry with its result."""
        return [(id_, result) for result, ids in self.named.items() for id_ in ids.split()]

    def unsure(self) -> Done:
        """With what was not done as unknown."""
        named, counts = dict(self.named), Counter(self.counts)
        ids, count = named.pop("failed", ""), counts.pop("failed", 0)
        lost = Done({"unknown": ids} if ids else {}, Counter(unknown=count) if count else Counter())
        found = Done.together(Done(named, counts), lost)
        return replace(self, named=found.named, counts=found.counts)

    @classmethod
    def together(cls, *found: Done) -> Done:
        """What came of all of them."""
        named: dict[str, str] = {}
        for result, ids in (pair for done in found for pair in done.named.items()):
            named[result] = f"{named[result]} {ids}" if result in named else ids
        return cls(named, sum((done.counts for done in found), Counter()))

    @classmethod
    def uniform(cls, result: str, work: Iterable[Work]) -> Done:
        """The same result for all entries of the work."""
        text = " ".join(item.ids for item in work)
        return cls({result: text}, Counter({result: text.count(" ") + 1}))


def unknown_of(work: Sequence[Item], done: Done) -> Sequence[Item]:
    """The work of which nobody knows what came of it."""
    ids = set(done.named.get("unknown", "").split())
    return part_of(work, ids) if ids else work if done.counts["unknown"] else []
