"""What the contract test needs to know of each action: a world for it, an order, and what must be true afterwards.

A new action gets its recipe in a file `recipes_<theme>.py` beside this one:

    @register("release")
    class Release(Recipe):
        params = of_group()
        nonsense = ({}, {"group": "g"})

        def check(self, client: redis.Redis) -> None:
            assert ...
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import redis

from dashboard.streams.names import to_path
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.streams_admin.acting import of_group, pending

HELPER = b"help\xfcer <2>"
"""A consumer that is alive and holds nothing."""
IDLE_MS = 600_000


class Recipe:
    """One action.

    `seed` may be replaced. Its world is a stream KEY with the entries 1-0 to 6-0 and a group GROUP in which WORKER was
    given the first four, ten minutes ago and for the third time, and HELPER holds nothing.
    """

    key: ClassVar[bytes] = KEY
    params: ClassVar[dict[str, Any]]
    """As `plans.prepare` takes them: names as path names."""
    nonsense: ClassVar[tuple[dict[str, Any], ...]]
    """Parameters that make no sense; each is a 400."""
    total: ClassVar[int | None]
    """What the plan must say is affected, and the operation must have done. None: it cannot be told before."""

    def seed(self, client: redis.Redis) -> None:
        fill(client, 6)
        group(client, read=4)
        client.execute_command("XGROUP", "CREATECONSUMER", KEY, GROUP, HELPER)
        for number in range(1, 5):
            neglect(client, f"{number}-0", idle_ms=IDLE_MS, deliveries=3)

    def check(self, client: redis.Redis) -> None:
        """What must be true after it was done once."""
        raise NotImplementedError


RECIPES: dict[str, Recipe] = {}
Kind = TypeVar("Kind", bound=type[Recipe])


def register(slug: str) -> Callable[[Kind], Kind]:
    """The recipe of the action of that name."""

    def keep(kind: Kind) -> Kind:
        assert slug not in RECIPES, f"{slug} has two recipes"
        RECIPES[slug] = kind()
        return kind

    return keep


def collect() -> dict[str, Recipe]:
    """All recipes: those below, and those of every `recipes_*.py` beside this file."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("recipes_"):
            importlib.import_module(f"{__package__}.{module.name}")
    return RECIPES


NO_ENTRIES: tuple[dict[str, Any], ...] = (
    {},
    {"group": to_path(GROUP)},
    {"group": "no path name", "filter": {}},
    of_group("yesterday"),
    of_group("1-0", filter={}),
    {"group": to_path(GROUP), "ids": []},
    {"group": to_path(GROUP), "ids": [f"{n}-0" for n in range(1, 1002)]},
    {"group": to_path(GROUP), "filter": {"min_idle": 5}},
    {"group": to_path(GROUP), "filter": {"limit": 0}},
    {"group": to_path(GROUP), "filter": {"min_idle_ms": -1}},
    {"group": to_path(GROUP), "filter": {"min_deliveries": "5"}},
    {"group": to_path(GROUP), "filter": "all"},
)
"""Nonsense to every action on pending entries."""


@register("ack")
class Ack(Recipe):
    params = of_group()
    nonsense = NO_ENTRIES
    total = 4

    def check(self, client: redis.Redis) -> None:
        assert pending(client) == {}
        assert client.xlen(KEY) == 6


@register("claim")
class Claim(Recipe):
    params = of_group("1-0", "2-0", "4-0", to=to_path(HELPER))
    nonsense = (
        *({**each, "to": to_path(HELPER)} for each in NO_ENTRIES),
        of_group(),
        of_group(to=""),
        of_group(to=to_path(HELPER), bump="yes"),
        of_group(to=to_path(HELPER), min_idle_ms=-1),
        of_group("1-0", to=to_path(HELPER), min_idle_ms=-1),
        of_group(to=to_path(HELPER), retrycount=-1),
        of_group(to=to_path(HELPER), idle_ms="5"),
        of_group(to=to_path(HELPER), idle_ms=1, time_ms=1),
        of_group(to=to_path(HELPER), time_ms=1, keep_idle=True),
        of_group(to=to_path(HELPER), idle_ms=1, keep_idle=True),
        of_group(to=to_path(HELPER), retrycount=1, bump=True),
        of_group(to=to_path(HELPER), force=True),
    )
    total = 3

    def check(self, client: redis.Redis) -> None:
        found = {id_: (who, deliveries) for id_, (who, _, deliveries) in pending(client).items()}
        mine = dict.fromkeys((b"1-0", b"2-0", b"4-0"), (HELPER, 3))
        assert found == {**mine, b"3-0": (WORKER, 3)}, "moved without counting a delivery, and nothing else"


@register("trim")
class Trim(Recipe):
    params: ClassVar[dict[str, Any]] = {"maxlen": 2, "approximate": False}
    nonsense = (
        {},
        {"maxlen": 2, "minid": "3-0"},
        {"maxlen": -1},
        {"maxlen": "2"},
        {"maxlen": True},
        {"minid": "soon"},
        {"older_than_ms": 0},
        {"maxlen": 2, "approximate": "no"},
    )
    total = 4

    def check(self, client: redis.Redis) -> None:
        assert [id_ for id_, _ in client.xrange(KEY)] == [b"5-0", b"6-0"]
