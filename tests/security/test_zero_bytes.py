"""A zero byte in a session cookie: PostgreSQL keeps no such text, and any stranger can send one."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from dashboard.accounts.authenticators import Credentials, authenticate
from dashboard.accounts.principals import ANONYMOUS
from dashboard.http.middleware import SessionCookieMiddleware

KEY = "aaaaaaaaaaaaaaaa"


def kept(sent: str, rf: RequestFactory) -> dict[str, str]:
    """The cookies that the middleware behind it gets to see."""
    seen: list[dict[str, str]] = []

    def behind(request: HttpRequest) -> HttpResponse:
        seen.append(dict(request.COOKIES))
        return HttpResponse()

    SessionCookieMiddleware(behind)(rf.get("/", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={sent}; other=1"}))
    return seen[0]


def test_such_a_cookie_is_none(rf: RequestFactory) -> None:
    assert kept(f'"{KEY}\\000"', rf) == {"other": "1"}
    assert kept(KEY, rf) == {settings.SESSION_COOKIE_NAME: KEY, "other": "1"}


def test_the_database_is_not_asked_for_it() -> None:
    """Of a socket, which has no middleware. A test that may not use the database would fail."""
    assert authenticate(Credentials(session=f"{KEY}\0")) is ANONYMOUS
