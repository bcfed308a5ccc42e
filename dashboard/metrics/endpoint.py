"""/metrics: for whoever has METRICS_TOKEN; where none is set, for this machine and for admins who are signed in."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST

from dashboard.accounts.access import require
from dashboard.accounts.addresses import client_address
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.config.active import configured
from dashboard.http.middleware import Handler
from dashboard.metrics.registry import exposition

PATH = "/metrics"
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""Headers of a proxy: behind one that we do not know of (BEHIND_PROXY), everybody would be this machine."""


class Metrics:
    """Middleware: a scraper is answered whatever host it names, for it asks by address, and has no session."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info != PATH or request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        if token := configured().metrics_token:
            return _answer() if _has(request, token) else _unauthorised()
        return _answer() if _is_local(request) else self.get_response(request)


def metrics(request: HttpRequest) -> HttpResponse:
    """The page of an admin. Raises Forbidden."""
    require(principal_of(request), Permission.TOKENS)
    return _answer()


def _answer() -> HttpResponse:
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _unauthorised() -> HttpResponse:
    headers = {"WWW-Authenticate": "Bearer"}
    return HttpResponse(
        "Send METRICS_TOKEN as a Bearer token.\n", status=401, content_type="text/plain", headers=headers
    )


def _has(request: HttpRequest, token: str) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(sent.strip(), token)


def _is_local(request: HttpRequest) -> bool:
    if not configured().behind_proxy and any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(client_address(request)).is_loopback
    except ValueError:
        return False
