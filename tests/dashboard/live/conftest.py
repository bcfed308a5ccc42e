"""A hub for every test, ended with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from dashboard.live import hub as hubs
from dashboard.live.hub import Hub
from dashboard.streams.links import Server


@pytest_asyncio.fixture
async def hub(server: Server) -> AsyncIterator[Hub]:
    hub = hubs.current()
    yield hub
    await hub.stop()
    await server.aclose()
