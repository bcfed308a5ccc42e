"""Where a request comes from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Where the request comes from: the peer, or what the proxy in front says when one is configured."""
    if settings.BEHIND_PROXY:
        return str(request.headers.get("X-Real-IP", request.META.get("REMOTE_ADDR", "")))[:64]
    return str(request.META.get("REMOTE_ADDR", ""))
