"""Which systems there are."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from redis.asyncio import Redis

from streams_admin.scenarios import iot, orders, sensors
from streams_admin.scenarios.options import Options, Role


class Scenario(Protocol):
    """A module that plays a system."""

    NAME: str
    STREAM: str
    KEYS: tuple[str, ...]

    def roles(self, options: Options) -> list[Role]: ...

    async def run(self, role: Role, redis: Redis, options: Options, stop: asyncio.Event) -> None: ...


SCENARIOS: dict[str, Scenario] = {module.NAME: cast(Scenario, module) for module in (orders, sensors, iot)}


def get(name: str) -> Scenario:
    return SCENARIOS[name]
