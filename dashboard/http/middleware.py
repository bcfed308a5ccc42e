"""What every request must pass and every answer carries."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden

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


class SameOriginMiddleware:
    """Refuses what another site makes the browser send (Sec-Fetch-Site), beside the CSRF token."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        site = request.headers.get("Sec-Fetch-Site", "none")
        if request.method not in SAFE_METHODS and site not in ("same-origin", "none"):
            origin = request.headers.get("Origin", "origin unknown")[:200]
            blocked = f"This request came from another site ({origin}) and was blocked.\n"
            return HttpResponseForbidden(blocked, content_type="text/plain")
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
