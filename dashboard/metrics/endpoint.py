"""/metrics: for whoever has METRICS_TOKEN; where none is set, for this machine and for admins who are signed in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
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
FORWARDED = (
    *("Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto"),
    "X-Forwarded-Server",
)
"""Headers of a proxy. Unless it says who asks (BEHIND_PROXY, X-Real-IP), everybody behind it would be this machine."""


class Metrics:
    """Middleware: a scraper is answered whatever host it names, for it asks by address, and has no session.

    Without a token, an address or a name of the site: other names are made to point here for a browser on this machine.
    """

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
    named = configured().behind_proxy and "X-Real-IP" in request.headers
    if not named and any(name in request.headers for name in FORWARDED):
        return False
    address = _address(client_address(request))
    return address is not None and address.is_loopback and _is_ours(request.META.get("HTTP_HOST", ""))


def _is_ours(host: str) -> bool:
    """Whether a `Host` is an address, one of ALLOWED_HOSTS, or not there."""
    name, _ = split_domain_port(host)
    known = _address(name.strip("[]")) is not None or validate_host(name, settings.ALLOWED_HOSTS)
    return not host or (bool(name) and known)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
