"""The actions as the model runs them: their parameters, and which effect on an entry is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.streams.names import to_path
from tests.faults.model.ledger import COPY, GROUP, HERO, SPARE, WORKER

ENTRIES, PENDING = 12, 10
"""Entries of the stream, and how many of them WORKER holds."""
OF_GROUP: dict[str, Any] = {"group": to_path(GROUP), "filter": {}}
G = to_path(GROUP)
HELD = tuple(str(n) for n in range(1, PENDING + 1))
ALL = tuple(str(n) for n in range(1, ENTRIES + 1))


@dataclass(frozen=True)
class Verb:
    """`effect`: what one of its requests does to each of the entries `about`; `also`: in the same step.

    `mine`: whether it leaves a mark that nobody else makes. Else, after a reply was lost, the result says how the entry
    was found, whoever made it so. `named`: whether its results name entries; else they count.
    `acknowledged`, `gone`: how many of the first entries have been acknowledged, or deleted, before.
    `then`: its last effect, which is about no entry and has a result that names none.
    """

    slug: str
    params: dict[str, Any]
    effect: str
    about: tuple[str, ...]
    also: tuple[str, ...] = ()
    mine: bool = True
    named: bool = True
    acknowledged: int = 0
    gone: int = 0
    variant: str = ""
    then: str = ""

    @property
    def safe(self) -> bool:
        """Whether what a group still needs has to stay."""
        return bool(self.params.get("safe"))

    @property
    def results(self) -> int:
        """How many it has when all is done."""
        return len(self.about) + bool(self.then)

    def __str__(self) -> str:
        return f"`{self.slug}`{self.variant}"


VERBS = (
    Verb("claim", {**OF_GROUP, "to": to_path(HERO), "bump": True}, "claimed", HELD, mine=False),
    Verb("ack", OF_GROUP, "acknowledged", HELD, mine=False),
    Verb("dead_letter", OF_GROUP, "copied", HELD, ("acknowledged",)),
    Verb(
        "dead_letter",
        {**OF_GROUP, "delete": True},
        "copied",
        HELD,
        ("acknowledged", "deleted"),
        variant=" with `delete`",
    ),
    Verb("replay", {"filter": {}, "to": to_path(COPY)}, "copied", ALL),
    Verb("delete", {"filter": {}}, "deleted", ALL, mine=False),
    Verb("release", OF_GROUP, "claimed", HELD, mine=False),
    Verb("ghosts", {"group": G}, "acknowledged", HELD[:7], mine=False, gone=7),
    Verb("add", {"fields": [["n", "added"]]}, "added", ("added",), named=False),
    Verb("trim", {"maxlen": 6, "approximate": False}, "deleted", ALL[:6], mine=False, named=False),
    Verb(
        "trim",
        {"maxlen": 2, "approximate": False, "safe": True},
        "deleted",
        ALL[:6],
        mine=False,
        named=False,
        acknowledged=6,
        variant=" with `safe`",
    ),
    Verb("group_create", {"group": "new", "position": "0"}, "created", ("",), mine=False, named=False),
    Verb("group_set_position", {"group": G, "position": "3-0"}, "moved", ("",), mine=False, named=False),
    Verb("group_destroy", {"group": G}, "destroyed", ("",), mine=False, named=False),
    Verb("consumer_create", {"group": G, "consumer": "new"}, "registered", ("",), mine=False, named=False),
    Verb("consumer_delete", {"group": G, "consumer": to_path(SPARE)}, "dismissed", ("",), mine=False, named=False),
    Verb(
        "consumer_delete",
        {"group": G, "consumer": to_path(WORKER), "to": to_path(HERO)},
        "claimed",
        HELD,
        mine=False,
        variant=" with `to`",
        then="dismissed",
    ),
    Verb("stream_delete", {}, "removed", ("",), mine=False, named=False),
)
