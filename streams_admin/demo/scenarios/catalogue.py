"""Which systems there are."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from redis import Redis as SyncRedis
from redis.asyncio import Redis

from streams_admin.demo.scenarios import carts, iot, notifications, orders, sensors
from streams_admin.demo.scenarios.options import Options, Role


class Scenario(Protocol):
    """A module that plays a system."""

    __doc__: str
    NAME: str
    STREAM: str
    KEYS: tuple[str, ...]
    """What the names of all its keys begin with: where nobody else may be."""
    WRITES: tuple[str, ...]
    """The names of its keys as patterns of SCAN: what it deletes when told to."""

    def roles(self, options: Options) -> list[Role]: ...

    async def run(self, role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None: ...

    def progress(self, client: SyncRedis, options: Options) -> str: ...


MODULES = (orders, sensors, iot, notifications, carts)
SCENARIOS: dict[str, Scenario] = {module.NAME: cast(Scenario, module) for module in MODULES}


def get(name: str) -> Scenario:
    return SCENARIOS[name]


def summary(name: str) -> str:
    """What the system is, in one line."""
    return get(name).__doc__.splitlines()[0]
