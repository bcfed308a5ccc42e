"""What is done next, and what came of it: batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Batch:
    """The next piece of work: `work` is saved before it is done, `cursor` after.

    A piece about entries is a list that begins with their IDs as one text, a space between; others are dicts.
    `settled`: results without doing. `passed`: such results of entries that cannot be named.
    """

    work: list[Any]
    cursor: Any
    settled: list[tuple[str, str]] = field(default_factory=list)
    last: bool = False
    passed: Counter[str] = field(default_factory=Counter)


def ids_of(work: Iterable[Any]) -> list[str]:
    """The entries that a batch names."""
    return [id_ for item in work if isinstance(item, list) for id_ in item[0].split()]


def part_of(work: Iterable[Any], ids: Container[str]) -> list[Any]:
    """The work on these of its entries."""
    parts = [[" ".join(i for i in item[0].split() if i in ids), *item[1:]] for item in work if isinstance(item, list)]
    return [part for part in parts if part[0]]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a batch: `named` the IDs of each result as one text, a space between; `counts` how many in all.

    An action that knows only afterwards where to go on says so by `cursor`, and by `last` that it is at the end.
    `waited`: seconds of it that it left the server alone on purpose. `again`: nothing was done, and the batch has to
    be read anew. `why`: a sentence on why an action that is at its end has done nothing.
    """

    named: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    cursor: Any = None
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

    @classmethod
    def together(cls, *found: Done) -> Done:
        """What came of all of them."""
        named: dict[str, str] = {}
        for result, ids in (pair for done in found for pair in done.named.items()):
            named[result] = f"{named[result]} {ids}" if result in named else ids
        return cls(named, sum((done.counts for done in found), Counter()))

    @classmethod
    def uniform(cls, result: str, work: Iterable[Any]) -> Done:
        """The same result for all entries of the work."""
        text = " ".join(item[0] for item in work)
        return cls({result: text}, Counter({result: text.count(" ") + 1}))
