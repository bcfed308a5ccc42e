"""Who asks the API, for what, and may they: a token in the header, else the session of a signed-in browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer

from dashboard.access import Actor, Permission, actor_of, require
from dashboard.names import plain
from dashboard.people import actor_for_token
from dashboard.streams import servers
from dashboard.streams.errors import Gone
from dashboard.streams.queries import Query
from dashboard.streams.servers import Server

T = TypeVar("T")


class Token(HttpBearer):
    """`Authorization: Bearer <token>`. A token that is not valid is a 401, whatever session there is beside it."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        actor = actor_for_token(token)
        if actor is None:
            raise AuthenticationError(message="This token does not exist, was revoked, or has expired.")
        request.actor = actor  # type: ignore[attr-defined]
        return _somebody(actor)


class Session(APIKeyCookie):
    """The session cookie; what is not a mere read needs the CSRF token too (403 without it)."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor:
        if not request.user.is_authenticated:
            raise AuthenticationError(message="Sign in, or send an API token: “Authorization: Bearer …”.")
        return _somebody(actor_of(request))


def _somebody(actor: Actor) -> Actor:
    """Who may see nothing at all gets no answer from any address (403)."""
    require(actor, Permission.SEE)
    return actor


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for something on a server, allowed."""

    actor: Actor
    server: Server
    key: bytes | None = None

    def read(self, query: Query[T]) -> T:
        """Ask the server. Raises StreamError; Gone says where it was looked for."""
        try:
            return self.server.run(query)
        except Gone as error:
            where = f"on the stream “{plain(self.key or b'')}” of {self.server.name}"
            raise Gone(f"{error.message} Looked for {where}.") from None


def asked(request: HttpRequest, server: str, key: bytes | None = None) -> Asked:
    """Raises UnknownServer, Forbidden, or Gone for a key outside what is looked at. Asks no server."""
    actor = actor_of(request)
    found = servers.get(server)
    if key is not None and not found.config.looks_at(key):
        raise Gone(f"The stream “{plain(key)}” is not among the keys that are looked at on {server}.")
    require(actor, Permission.SEE, server, key)
    return Asked(actor, found, key)
