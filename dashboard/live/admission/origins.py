"""From which pages a browser may open a socket. A WebSocket knows no same-origin policy: the server must ask."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

from dashboard.config.active import configured


def allowed(origin: str, host: str) -> bool:
    """Scheme, host and port of the site itself as this request names it (`Host`), or one of CSRF_TRUSTED_ORIGINS."""
    return origin in _own(host) or any(_is(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _own(host: str) -> tuple[str, ...]:
    name, _ = split_domain_port(host)
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        return ()
    return (f"https://{host}",) if configured().https else (f"https://{host}", f"http://{host}")


def _is(origin: str, trusted: str) -> bool:
    """Exactly, or as Django reads https://*.example.com."""
    if "*" not in trusted:
        return origin == trusted
    found, wanted = urlsplit(origin), urlsplit(trusted)
    return found.scheme == wanted.scheme and is_same_domain(found.netloc, wanted.netloc.lstrip("*"))
