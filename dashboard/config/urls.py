"""Addresses as they are configured: of this site, and of watched servers. A problem never repeats a URL's secrets."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

REDIS_FORM = "redis://user:password@host:port/db"
SCHEMES = ("redis", "rediss", "unix", "valkey", "valkeys")
URL_OPTIONS = (
    "db",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)
"""What may follow `?`: where and to whom, never how (protocol, timeouts, decoding), which is ours."""


def origin_in(what: str, found: str) -> str:
    """`found` without a slash at the end. Raises for what is not scheme, host and port alone."""
    parts = split(what, found, "https://streams.example.com")
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or extra:
        raise ImproperlyConfigured(
            f"{what} is {found[:80]!r}; allowed: scheme and host, like https://streams.example.com."
        )
    return f"{parts.scheme}://{parts.netloc}"


def redis_url(name: str, url: str, password: str = "") -> str:
    """The URL for redis-py, with `password` put in."""
    scheme = url.split(":", 1)[0]
    if scheme.startswith(("redis+sentinel", "rediss+sentinel")):
        raise ImproperlyConfigured(
            f"{name} is a Sentinel URL; Sentinel is not supported yet, name the primary with redis://."
        )
    if scheme.startswith(("redis+cluster", "rediss+cluster")):
        raise ImproperlyConfigured(f"{name} is a Cluster URL; Cluster is not supported yet, name a standalone server.")
    if scheme not in SCHEMES or "://" not in url:
        raise ImproperlyConfigured(f"{name} starts with {scheme[:20]!r}; allowed: redis://, rediss:// and unix://.")
    parts = split(name, url, REDIS_FORM)
    if scheme != "unix" and not parts.hostname:
        raise ImproperlyConfigured(f"{name} has no host; allowed: {REDIS_FORM}.")
    _refuse_unknown_parts(name, scheme, parts)
    scheme = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{_with_password(parts.netloc, password)}{parts.path}{query}"


def _refuse_unknown_parts(name: str, scheme: str, parts: SplitResult) -> None:
    """redis-py takes database 0 for one it cannot read, and lets options of the URL go before ours."""
    database = parts.path.strip("/")
    if scheme != "unix" and database and not (database.isascii() and database.isdigit()):
        raise ImproperlyConfigured(f"{name} has the database {database[:20]!r}; allowed: a number.")
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        if option not in URL_OPTIONS:
            raise ImproperlyConfigured(f"{name} has the option {option[:30]!r}; allowed: {', '.join(URL_OPTIONS)}.")
        if option == "db" and not (value.isascii() and value.isdigit()):
            raise ImproperlyConfigured(f"{name} has the database {value[:20]!r}; allowed: a number.")


def split(name: str, url: str, form: str) -> SplitResult:
    """Raises without a word of the URL: a "/" in a password makes a port of what is before it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not a valid URL; allowed: {form}.") from None
    return parts


def _with_password(netloc: str, password: str) -> str:
    if not password:
        return netloc
    userinfo, _, host = netloc.rpartition("@")
    return f"{userinfo.split(':', 1)[0]}:{quote(password, safe='')}@{host}"
