"""What every request must pass and every answer carries."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.utils.http import is_same_domain

from dashboard.http.problems import is_api, problem
from dashboard.streams import links
from dashboard.streams.payloads.budget import decoding_budget

Handler = Callable[[HttpRequest], HttpResponse]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}


class ContentSecurityPolicyMiddleware:
    """No inline script or style, nothing from elsewhere, no frames; pages of people are not kept by caches."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", CSP)
        response.setdefault("Permissions-Policy", PERMISSIONS)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Cache-Control", "no-store")
        return response


def is_trusted(origin: str) -> bool:
    """Whether it is one of CSRF_TRUSTED_ORIGINS: exactly, or as Django reads https://*.example.com."""
    return any(_is(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _is(origin: str, trusted: str) -> bool:
    if "*" not in trusted:
        return origin == trusted
    try:
        found, wanted = urlsplit(origin), urlsplit(trusted)
    except ValueError:  # an address in brackets that is none
        return False
    return found.scheme == wanted.scheme and is_same_domain(found.netloc, wanted.netloc.lstrip("*"))


class SessionCookieMiddleware:
    """Before the session is looked up: a cookie with a zero byte is none. PostgreSQL keeps no such text: an error."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""):
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return self.get_response(request)


class SameOriginMiddleware:
    """Refuses what another site makes the browser send (Sec-Fetch-Site), beside the CSRF token.

    Not what comes from one of CSRF_TRUSTED_ORIGINS; it needs the token as ever.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin", "origin unknown")[:200]
        if request.method not in SAFE_METHODS and site not in ("same-origin", "none") and not is_trusted(origin):
            blocked = f"This request came from another site ({origin}) and was blocked."
            if is_api(request.path_info):
                return problem(403, "Permission denied", blocked)
            return HttpResponseForbidden(f"{blocked}\n", content_type="text/plain")
        return self.get_response(request)


class BudgetMiddleware:
    """Reads answer in time however many servers are slow, and all values of an answer share one decoding budget.

    What acts has no deadline: it is not ended in the middle.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with decoding_budget():
            if request.method not in SAFE_METHODS:
                return self.get_response(request)
            with links.deadline(links.PAGE_DEADLINE):
                return self.get_response(request)
