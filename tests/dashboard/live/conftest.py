"""A hub for every test, ended with it, and a site as it is run for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from dashboard.live import hub as hubs
from dashboard.live.hub import Hub
from dashboard.streams.links import Server
from tests.dashboard.live.served import Site, running


@pytest_asyncio.fixture
async def hub(server: Server) -> AsyncIterator[Hub]:
    hub = hubs.current()
    yield hub
    await hub.stop()
    await server.aclose()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site")) as found:
        yield found
