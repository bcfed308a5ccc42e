"""What every page about a watched server begins with: who asks, for what, and may they."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from dashboard.access import Actor, Permission, actor_of, require
from dashboard.fleet.sampler import current
from dashboard.fleet.snapshot import ServerSnapshot, StreamState
from dashboard.names import plain
from dashboard.streams import servers
from dashboard.streams.errors import Gone
from dashboard.streams.servers import Server


@dataclass(frozen=True, slots=True)
class Watched:
    """A request for something on a server, allowed."""

    actor: Actor
    server: Server

    @property
    def snapshot(self) -> ServerSnapshot:
        """The fleet's latest of this server; asks nobody."""
        return current().server(self.server.name) or ServerSnapshot(self.server.name)

    def state(self, key: bytes) -> StreamState | None:
        """The fleet's latest of a stream, if it was sampled."""
        return self.snapshot.streams.get(key)


def watched(request: HttpRequest, server: str, key: bytes | None = None) -> Watched:
    """Raises UnknownServer, Forbidden, or Gone for a key outside what is looked at."""
    actor = actor_of(request)
    require(actor, Permission.SEE)
    found = servers.get(server)
    if key is not None and not found.config.looks_at(key):
        raise Gone(f"The stream “{plain(key)}” is not among the keys that are looked at on {server}.")
    require(actor, Permission.SEE, server, key)
    return Watched(actor, found)


def missing(here: Watched, key: bytes) -> Gone:
    """The error that says what was looked for."""
    return Gone(f"There is no stream “{plain(key)}” on {here.server.name}.")
