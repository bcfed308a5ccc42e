"""Who asks the API, for what, and may they: a token in the header, else the session of a signed-in browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError, HttpError
from ninja.security import APIKeyCookie, HttpBearer

from dashboard.accounts.access import require
from dashboard.accounts.authenticators import BadCredentials, Credentials, principal_of, sign
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal

NOBODY = "Sign in, or send an API token: “Authorization: Bearer …”."
NO_CSRF = "A signed-in browser must also send its CSRF token, as “X-CSRFToken”. Scripts send “Authorization: Bearer …”."


class Token(HttpBearer):
    """`Authorization: Bearer <token>`. A token that is not valid is a 401, whatever session there is beside it."""

    def authenticate(self, request: HttpRequest, token: str) -> Principal:
        try:
            return _somebody(sign(request, Credentials(token=token)))
        except BadCredentials as error:
            raise AuthenticationError(message=str(error)) from error


class Session(APIKeyCookie):
    """The session cookie; what is not a mere read needs the CSRF token too (403 without it)."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Principal | None:
        """Who is not signed in is told that first: without a session there is no CSRF token to miss."""
        if not request.user.is_authenticated:
            raise AuthenticationError(message=NOBODY)
        return super().__call__(request)

    def _get_key(self, request: HttpRequest) -> str | None:
        try:
            return super()._get_key(request)
        except HttpError as error:
            raise HttpError(403, NO_CSRF) from error

    def authenticate(self, request: HttpRequest, key: str | None) -> Principal:
        return _somebody(principal_of(request))


def _somebody(principal: Principal) -> Principal:
    """Who may see nothing at all gets no answer from any address (403)."""
    require(principal, Permission.SEE)
    return principal
