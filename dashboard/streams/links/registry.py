"""The servers there are."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.streams.config import ServerConfig
from dashboard.streams.errors import UnknownServer
from dashboard.streams.links.server import Server

_servers: dict[str, Server] = {}


def configure(configs: Iterable[ServerConfig]) -> None:
    """Replace the registry. Called at start-up, and by tests."""
    for server in _servers.values():
        server.close()
    _servers.clear()
    _servers.update({config.name: Server(config) for config in configs})


def get(name: str) -> Server:
    """Raises UnknownServer."""
    try:
        return _servers[name]
    except KeyError:
        raise UnknownServer(name) from None


def all() -> tuple[Server, ...]:
    """In the order of the configuration."""
    return tuple(_servers.values())


def title_of(name: str) -> str:
    """What people call the server of that name; one that is no longer configured is called by its name."""
    return _servers[name].title if name in _servers else name
