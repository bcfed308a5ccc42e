"""Recipes of the actions on entries."""

from __future__ import annotations

from typing import Any, ClassVar

import redis

from dashboard.streams.names import to_path
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER
from tests.streams_admin.acting import entries, of_group, pending
from tests.streams_admin.recipes import NO_ENTRIES, Recipe, register

NO_RANGE: tuple[dict[str, Any], ...] = (
    {},
    {"ids": []},
    {"ids": ["yesterday"]},
    {"ids": ["1-0"], "filter": {}},
    {"ids": [f"{n}-0" for n in range(1, 1002)]},
    {"filter": {"consumer": "w"}},
    {"filter": {"min_idle_ms": 5}},
    {"filter": {"start": "x"}},
    {"filter": {"limit": 0}},
    {"filter": "all"},
)
"""Nonsense to every action on entries of a stream."""


def numbers(client: redis.Redis, key: bytes = KEY) -> list[int]:
    """The first parts of the IDs of a stream."""
    return [int(id_.split(b"-")[0]) for id_, _ in entries(client, key)]


@register("release")
class Release(Recipe):
    params = of_group("1-0", "3-0")
    nonsense = NO_ENTRIES
    total = 2

    def check(self, client: redis.Redis) -> None:
        found = pending(client)
        assert {who for who, _, _ in found.values()} == {WORKER}
        assert [id_ for id_, (_, idle, _) in found.items() if idle > 3_600_000] == [b"1-0", b"3-0"]


@register("ghosts")
class Ghosts(Recipe):
    params: ClassVar[dict[str, Any]] = {"group": to_path(GROUP)}
    nonsense = tuple(each for each in NO_ENTRIES if each != {"group": to_path(GROUP)})
    total = 2

    def seed(self, client: redis.Redis) -> None:
        super().seed(client)
        client.xdel(KEY, "1-0", "3-0")

    def check(self, client: redis.Redis) -> None:
        assert sorted(pending(client)) == [b"2-0", b"4-0"]
        assert numbers(client) == [2, 4, 5, 6]


@register("delete")
class Delete(Recipe):
    params: ClassVar[dict[str, Any]] = {"ids": ["1-0", "6-0"]}
    nonsense = (*NO_RANGE, {"ids": ["1-0"], "references": "all"})
    total = 2

    def check(self, client: redis.Redis) -> None:
        assert numbers(client) == [2, 3, 4, 5]
        assert len(pending(client)) == 4


@register("dead_letter")
class DeadLetter(Recipe):
    params = of_group("1-0", "3-0")
    nonsense = (*NO_ENTRIES, of_group("1-0", delete="yes"), of_group("1-0", to="no path name"))
    total = 2

    def check(self, client: redis.Redis) -> None:
        copies = [dict(fields) for _, fields in entries(client, KEY + b":dlq")]
        assert [(c[b"n"], c[b"origin_id"]) for c in copies] == [(b"1", b"1-0"), (b"3", b"3-0")]
        assert sorted(pending(client)) == [b"2-0", b"4-0"]
        assert numbers(client) == [1, 2, 3, 4, 5, 6]


COPY = b"co\xffpy"


@register("replay")
class Replay(Recipe):
    params: ClassVar[dict[str, Any]] = {"filter": {"start": "2-0", "end": "4-0"}, "to": to_path(COPY)}
    nonsense = (
        *({**each, "to": to_path(COPY)} for each in NO_RANGE),
        {"ids": ["1-0"]},
        {"ids": ["1-0"], "to": ""},
        {"ids": ["1-0"], "to": to_path(KEY)},
        {"ids": ["1-0"], "to": to_path(COPY), "per_second": 0},
        {"ids": ["1-0"], "to": to_path(COPY), "fields": []},
        {"ids": ["1-0"], "to": to_path(COPY), "fields": {"n": "1"}},
        {"ids": ["1-0"], "to": to_path(COPY), "fields": [["n", 1]]},
        {"ids": ["1-0"], "to": to_path(COPY), "fields": [["n", {"base64": "?"}]]},
        {"ids": ["1-0", "2-0"], "to": to_path(COPY), "fields": [["n", "1"]]},
    )
    total = 3

    def check(self, client: redis.Redis) -> None:
        assert [dict(fields) for _, fields in entries(client, COPY)] == [{b"n": b"2"}, {b"n": b"3"}, {b"n": b"4"}]
        assert numbers(client) == [1, 2, 3, 4, 5, 6]


@register("add")
class Add(Recipe):
    params: ClassVar[dict[str, Any]] = {"fields": [["n", "7"], ["n", {"base64": "/w=="}]], "id": "7-1"}
    nonsense = (
        {},
        {"fields": []},
        {"fields": {"n": "7"}},
        {"fields": [["n"]]},
        {"fields": [["n", 7]]},
        {"fields": [["n", {"base64": "?"}]]},
        {"fields": [["n", "\ud800"]]},
        {"fields": [["n", "x" * 2_000_000]]},
        {"fields": [["n", "7"]], "id": "soon"},
        {"fields": [["n", "7"]], "id": "0-0"},
        {"fields": [["n", "7"]], "mkstream": 1},
        {"fields": [["n", "7"]], "maxlen": 0},
        {"fields": [["n", "7"]], "maxlen": 5, "minid": "1-0"},
        {"fields": [["n", "7"]], "minid": "soon"},
        {"fields": [["n", "7"]], "approximate": True},
    )
    total = 1

    def check(self, client: redis.Redis) -> None:
        assert entries(client)[6:] == [(b"7-1", [(b"n", b"7"), (b"n", b"\xff")])]
