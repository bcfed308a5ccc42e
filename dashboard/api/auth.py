"""Who asks the API, for what, and may they: a token in the header, else the session of a signed-in browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer

from dashboard.access import Actor, Permission, actor_of, require
from dashboard.people import actor_for_token


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
