"""Who is at the other end: every door collects credentials, and the authenticators are tried in one order.

Pages, the API and the sockets all come here. A new way in (a proxy's header, OpenID Connect, a panel's ticket) is one
more authenticator in AUTHENTICATORS, and one more field of Credentials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from dashboard.accounts.directory import principal_for_token, principal_for_user
from dashboard.accounts.principals import ANONYMOUS, Principal


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody presents. None: not presented; without any, they are anonymous.

    `user`: whom Django's session middleware has found for a request; `session`: a session's key, where it has not run.
    """

    token: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    user: Any = field(default=None, repr=False)


class BadCredentials(Exception):
    """Presented, and wrong. What else was presented beside it does not count."""


Authenticator = Callable[[Credentials], Principal | None]
"""The principal; None when nothing of its kind was presented. Raises BadCredentials."""


def by_token(credentials: Credentials) -> Principal | None:
    """An API token. Comes first: a wrong one must not fall back to the session of the browser that sent it."""
    if credentials.token is None:
        return None
    principal = principal_for_token(credentials.token)
    if principal is None:
        raise BadCredentials("This token does not exist, was revoked, or has expired.")
    return principal


def by_session(credentials: Credentials) -> Principal | None:
    """A person who is signed in. Without a session there is no query."""
    if credentials.user is not None:
        return principal_for_user(credentials.user)
    return _of_session(credentials.session) if credentials.session and "\0" not in credentials.session else None


AUTHENTICATORS: tuple[Authenticator, ...] = (by_token, by_session)
"""In the order in which they are tried; the first that knows somebody decides."""


def authenticate(credentials: Credentials) -> Principal:
    """The principal as the database knows it now, or ANONYMOUS. Raises BadCredentials."""
    found = (authenticator(credentials) for authenticator in AUTHENTICATORS)
    return next((principal for principal in found if principal is not None), ANONYMOUS)


async def authenticate_again(credentials: Credentials) -> Principal:
    """As `authenticate`, from the event loop; ANONYMOUS too for what is wrong or has become so."""
    if credentials == Credentials():
        return ANONYMOUS
    try:
        return await database_sync_to_async(authenticate)(credentials)
    except BadCredentials:
        return ANONYMOUS


def principal_of(request: HttpRequest) -> Principal:
    """Who makes the request, looked up once: whom the API's token has named, else the signed-in user."""
    known: Principal | None = getattr(request, "principal", None)
    return known if known is not None else sign(request, Credentials(user=request.user))


def sign(request: HttpRequest, credentials: Credentials) -> Principal:
    """Authenticate and keep the principal with the request. Raises BadCredentials."""
    principal = authenticate(credentials)
    request.principal = principal  # type: ignore[attr-defined]
    return principal


def _of_session(key: str) -> Principal | None:
    """Reads the session and leaves it as it is: `channels.auth` would flush or renew it behind the browser's back."""
    data = import_module(settings.SESSION_ENGINE).SessionStore(key).load()
    if data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = get_user_model()._default_manager.filter(pk=data.get(SESSION_KEY)).first()
    return principal_for_user(user) if user is not None and _is_of(data, user) else None


def _is_of(data: dict[str, Any], user: Any) -> bool:
    """A session ends with the password it began with. Old SECRET_KEYs count while they are configured."""
    known = data.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(known, hash_) for hash_ in hashes)
