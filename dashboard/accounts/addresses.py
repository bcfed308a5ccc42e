"""Where a request comes from."""

from __future__ import annotations

from django.http import HttpRequest

from dashboard.config.active import configured


def client_address(request: HttpRequest) -> str:
    """Where the request comes from: the peer, or what the proxy in front says when one is configured."""
    if configured().behind_proxy:
        return str(request.headers.get("X-Real-IP", request.META.get("REMOTE_ADDR", "")))[:64]
    return str(request.META.get("REMOTE_ADDR", ""))
