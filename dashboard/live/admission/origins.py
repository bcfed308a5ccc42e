"""From which pages a browser may open a socket. A WebSocket knows no same-origin policy: the server must ask."""

from __future__ import annotations

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from dashboard.config.active import configured
from dashboard.http.middleware import is_trusted


def allowed(origin: str, host: str) -> bool:
    """Scheme, host and port of the site itself as this request names it (`Host`), or one of CSRF_TRUSTED_ORIGINS."""
    return origin in _own(host) or is_trusted(origin)


def _own(host: str) -> tuple[str, ...]:
    name, _ = split_domain_port(host)
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        return ()
    return (f"https://{host}",) if configured().https else (f"https://{host}", f"http://{host}")
