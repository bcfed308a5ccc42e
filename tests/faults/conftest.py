"""A server behind a proxy, as the site sees it while it serves: the sampler runs beside the requests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import redis

from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from tests.faults.chaos import Chaos, chaos
from tests.faults.reads import seed
from tests.streams_admin.conftest import real_database

__all__ = ["real_database"]


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happens, it is no surprise to us."""
    with caplog.at_level(logging.INFO):
        yield
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.fixture(autouse=True)
def sampling_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `serve`: a request does not look at the whole fleet by itself."""
    monkeypatch.setattr(fleet(), "running", True)


@pytest.fixture
def proxy(redis_url: str, redis_client: redis.Redis) -> Iterator[Chaos]:
    """Configured as "default"; nothing was ever read through it."""
    seed(redis_client)
    with chaos(redis_url) as proxy:
        links.configure([ServerConfig("default", proxy.url)])
        yield proxy
    links.configure([])


@pytest.fixture
def known(proxy: Chaos) -> None:
    """It was looked at once."""
    assert not look()


def look() -> str:
    """What the sampler does beside the requests; the error, if there is one."""
    return fleet().sample(links.get("default")).error


def forget_the_trouble() -> None:
    """As if nobody had asked for a while: whoever asks next has to find out by themselves."""
    server = links.get("default")
    server.link.breaker.answered()


def hang_up() -> None:
    """The next one who asks has to connect first."""
    links.get("default").close()
