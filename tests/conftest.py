"""A real server of our own for every test process; nobody else's data is ever touched."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Before Django reads its settings: nothing of the surrounding machine may reach a test.
_folder = tempfile.mkdtemp(prefix="streamgauge-tests-")
for _name in ("REDIS_URL", "REDIS_ADMIN_URL", "STREAMGAUGE_CONFIG", "DATABASE_URL", "DEBUG", "ALLOWED_HOSTS"):
    os.environ.pop(_name, None)
os.environ.update(DATA_DIR=_folder, SECRET_KEY="only-for-tests-" + "x" * 32, LOG_LEVEL="WARNING")

from collections.abc import Callable, Iterator  # noqa: E402

import pytest  # noqa: E402
import redis  # noqa: E402
from hypothesis import settings  # noqa: E402

from dashboard.config import active  # noqa: E402
from dashboard.streams import links  # noqa: E402
from dashboard.streams.links import Server, ServerConfig  # noqa: E402
from streams_admin.demo import embedded  # noqa: E402
from tests.servers import chosen  # noqa: E402

settings.register_profile("any machine", deadline=None)  # a test is right or wrong, however busy its machine is
settings.load_profile("any machine")

pytest_plugins = ["tests.people", "tests.serving"]
Configure = Callable[..., None]
LONG = ("clients", "faults", "scenarios", "security")
"""Folders with files that take long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first: of several processes none is left alone with it at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Changes options of ours for one test, by their names, unchecked: a test may ask for less than is allowed."""

    def change(**changed: object) -> None:
        now = active.configured()
        assert all(hasattr(now, name) for name in changed)
        then = now.model_copy(update=changed)
        monkeypatch.setattr(active, "_read", lambda: then)

    return change


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[embedded.Embedded]:
    """One server for this test process, on a unix socket."""
    with embedded.start(chosen(), options=("--enable-debug-command", "local") if not chosen() else ()) as running:
        yield running


@pytest.fixture(scope="session")
def redis_url(embedded_server: embedded.Embedded) -> str:
    return embedded_server.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A plain client for seeding, bytes in and out; the server is empty when the test begins."""
    client = redis.Redis.from_url(redis_url, protocol=2)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def server(redis_url: str, redis_client: redis.Redis) -> Iterator[Server]:
    """The same server as the product sees it, configured as "default"."""
    links.configure([ServerConfig("default", redis_url)])
    yield links.get("default")
    links.configure([])
