"""A page about a watched server: what it asks now, and what the fleet knows of it already."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from dashboard.fleet.store import Finding, Mute, ServerSnapshot, StreamState, latest, mute_of
from dashboard.http.scope import RequestScope, scope_of


@dataclass(frozen=True, slots=True)
class Watched(RequestScope):
    """A request for something on a server, allowed, with the fleet's latest. Looking at that asks nobody."""

    @property
    def snapshot(self) -> ServerSnapshot:
        return latest(self.server)

    def state(self, key: bytes) -> StreamState | None:
        """None when the stream was not sampled."""
        return self.snapshot.streams.get(key)

    def mute(self, finding: Finding | None) -> Mute | None:
        """Who muted a finding, until when and why; None when nobody did."""
        return mute_of(self.server, finding) if finding else None


def watched(request: HttpRequest, server: str, key: bytes | None = None) -> Watched:
    """Raises UnknownServer, Forbidden, or Gone for a key outside what is looked at."""
    found = scope_of(request, server, key)
    return Watched(found.principal, found.server, found.key)
