"""What every page and API read about a watched server begins with: who asks, for what, and may they."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.http import HttpRequest

from dashboard.accounts.access import require, server_for
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.streams.errors import Gone
from dashboard.streams.links import Server
from dashboard.streams.names import plain
from dashboard.streams.queries import Query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RequestScope:
    """What an allowed request is about: whose it is, the server, and the stream if one is named."""

    principal: Principal
    server: Server
    key: bytes | None = None

    def read(self, query: Query[T]) -> T:
        """Ask the server. Raises StreamError; Gone names the stream and the server."""
        try:
            return self.server.run(query)
        except Gone as error:
            raise self._named(error) from None

    def _named(self, error: Gone) -> Gone:
        stream = f"“{plain(self.key or b'')}” on {self.server.title}"
        if error.what == "stream":
            return Gone(f"There is no {stream}.", error.what)
        return Gone(f"{error.message} Stream: {stream}.", error.what)


def scope_of(request: HttpRequest, server: str, key: bytes | None = None) -> RequestScope:
    """Raises UnknownServer, Forbidden, or Gone for a key outside what is looked at. Asks no server."""
    principal = principal_of(request)
    found = server_for(principal, server)
    if key is not None and not found.config.looks_at(key):
        raise Gone(f"The stream “{plain(key)}” is not among the keys watched on {found.title}.", "stream")
    require(principal, Permission.SEE, server, key)
    return RequestScope(principal, found, key)
