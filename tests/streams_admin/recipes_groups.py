"""Recipes of the actions on groups, consumers and streams."""

from __future__ import annotations

from typing import Any, ClassVar

import redis

from dashboard.streams.names import to_path
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER
from tests.streams_admin.acting import pending
from tests.streams_admin.recipes import HELPER, Recipe, register

NEW = b"new\xff group"
G = to_path(GROUP)
NO_GROUP: tuple[dict[str, Any], ...] = ({}, {"group": ""}, {"group": None}, {"group": "no path name"}, {"group": "~ZZ"})
"""Nonsense to every action on a group."""


def groups(client: redis.Redis) -> dict[bytes, bytes]:
    """Name: position."""
    return {g["name"]: g["last-delivered-id"] for g in client.xinfo_groups(KEY)}


def consumers(client: redis.Redis) -> set[bytes]:
    return {c["name"] for c in client.xinfo_consumers(KEY, GROUP)}


@register("group_create")
class GroupCreate(Recipe):
    params: ClassVar[dict[str, Any]] = {"group": to_path(NEW), "position": "3-0"}
    nonsense = (
        *({**each, "position": "0"} for each in NO_GROUP),
        {"group": to_path(NEW)},
        {"group": to_path(NEW), "position": ""},
        {"group": to_path(NEW), "position": "soon"},
        {"group": to_path(NEW), "position": "1-2-3"},
        {"group": to_path(NEW), "position": -1},
        {"group": to_path(NEW), "position": "18446744073709551616-0"},
        {"group": to_path(NEW), "position": "0", "mkstream": 1},
    )
    total = 1

    def check(self, client: redis.Redis) -> None:
        assert groups(client) == {GROUP: b"4-0", NEW: b"3-0"}
        assert len(pending(client)) == 4


@register("group_set_position")
class GroupSetPosition(Recipe):
    params: ClassVar[dict[str, Any]] = {"group": G, "position": "1-0"}
    nonsense = (
        *({**each, "position": "0"} for each in NO_GROUP),
        {"group": G},
        {"group": G, "position": "soon"},
        {"group": G, "position": "0", "like": G},
        {"group": G, "like": "no path name"},
    )
    total = 1

    def check(self, client: redis.Redis) -> None:
        assert groups(client) == {GROUP: b"1-0"}
        assert len(pending(client)) == 4


@register("group_destroy")
class GroupDestroy(Recipe):
    params: ClassVar[dict[str, Any]] = {"group": G}
    nonsense = NO_GROUP
    total = 1

    def check(self, client: redis.Redis) -> None:
        assert groups(client) == {}
        assert client.xlen(KEY) == 6


@register("consumer_create")
class ConsumerCreate(Recipe):
    params: ClassVar[dict[str, Any]] = {"group": G, "consumer": to_path(NEW)}
    nonsense = (
        *({**each, "consumer": "c"} for each in NO_GROUP),
        {"group": G},
        {"group": G, "consumer": ""},
        {"group": G, "consumer": "no path name"},
    )
    total = 1

    def check(self, client: redis.Redis) -> None:
        assert consumers(client) == {WORKER, HELPER, NEW}


@register("consumer_delete")
class ConsumerDelete(Recipe):
    params: ClassVar[dict[str, Any]] = {"group": G, "consumer": to_path(WORKER), "to": to_path(HELPER)}
    nonsense = (
        *({**each, "consumer": "c"} for each in NO_GROUP),
        {"group": G},
        {"group": G, "consumer": to_path(WORKER), "to": to_path(WORKER)},
        {"group": G, "consumer": to_path(WORKER), "to": "no path name"},
    )
    total = 5
    """Four entries, and the consumer."""

    def check(self, client: redis.Redis) -> None:
        assert consumers(client) == {HELPER}
        found = {id_: (who, deliveries) for id_, (who, _, deliveries) in pending(client).items()}
        assert found == dict.fromkeys((b"1-0", b"2-0", b"3-0", b"4-0"), (HELPER, 3))


@register("stream_delete")
class StreamDelete(Recipe):
    params: ClassVar[dict[str, Any]] = {}
    nonsense = ({"group": G}, {"maxlen": 5})
    total = 1

    def check(self, client: redis.Redis) -> None:
        assert not client.exists(KEY)
