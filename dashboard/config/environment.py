"""Typed readers of environment variables, for `dashboard.settings`. No pydantic here: it would double every start.

A wrong value raises ImproperlyConfigured with one sentence: the variable, what was found and what is allowed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

from dashboard.config.urls import origin_in

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""This machine, as ALLOWED_HOSTS names it."""
OPTIONS = (
    "REDIS_TITLE",
    "REDIS_ENVIRONMENT",
    "REDIS_READ_ONLY",
    "REDIS_KEYS",
    "STREAMGAUGE_CONFIG",
    "LATE_AFTER",
    "STUCK_AFTER",
    "GONE_AFTER",
    "POISON_DELIVERIES",
    "SAMPLE_EVERY",
    "OPERATION_DUTY",
    "OPERATION_RESULTS_DAYS",
    "HEADER_WITHIN",
    "IDLE_CONNECTIONS",
    "METRICS_STREAMS",
)
"""Settings of ours that the environment may hold as they are; `options.Options` checks them."""
SECRET_OPTIONS = ("REDIS_URL", "REDIS_ADMIN_URL", "METRICS_TOKEN")
"""The same, which may also come from the file that NAME_FILE names."""


class Hidden(str):
    """A text with a secret in it: no page, log or dump of the settings shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"


def options() -> dict[str, object]:
    """Those of our settings that are set, unchecked, by their names."""
    plain = {name: text(name) for name in OPTIONS}
    hidden = {name: Hidden(secret(name)) for name in SECRET_OPTIONS}
    return {name: value for name, value in {**plain, **hidden}.items() if value}


def text(name: str, default: str = "") -> str:
    """The variable's value, or `default` when it is unset or empty."""
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    found = text(name).lower()
    if found in ("1", "true", "yes", "on"):
        return True
    if found in ("0", "false", "no", "off"):
        return False
    if not found:
        return default
    raise ImproperlyConfigured(f"{name} is {found!r}; allowed: true, false.")


def integer(name: str, default: int, *, min_value: int = 1, max_value: int = 10**9) -> int:
    found = text(name)
    if not found:
        return default
    if not found.isascii() or not found.isdigit() or not min_value <= int(found) <= max_value:
        raise ImproperlyConfigured(f"{name} is {found!r}; allowed: a whole number from {min_value} to {max_value}.")
    return int(found)


def choice(name: str, allowed: Sequence[str], default: str) -> str:
    found = text(name, default)
    if found not in allowed:
        raise ImproperlyConfigured(f"{name} is {found!r}; allowed: {', '.join(allowed)}.")
    return found


def zone(name: str, default: str) -> str:
    """A time zone by its IANA name."""
    found = text(name, default)
    try:
        ZoneInfo(found)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} is {found!r}; allowed: an IANA name like Europe/Berlin.") from error
    return found


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list with commas between."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default)


def origin(name: str, default: str) -> str:
    """Where a site is: scheme, host and port."""
    return origin_in(name, text(name, default))


def secret(name: str) -> str:
    """The variable, or the content of the file that NAME_FILE names; "" when neither is set."""
    path = text(f"{name}_FILE")
    if path and text(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; set one of them.")
    return file_content(f"{name}_FILE", path) if path else text(name)


def file_content(name: str, path: str) -> str:
    """The file's text without space around it. `name` is the variable or key that named the file."""
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{name} names {path!r}, which cannot be read ({type(error).__name__})."
        raise ImproperlyConfigured(problem) from error


def folder(name: str, default: str) -> Path:
    """A folder of ours; when it is not there it is made, for us alone."""
    path = Path(text(name, default)).expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{name} is {str(path)!r}, where no folder can be created ({error.strerror})."
        raise ImproperlyConfigured(problem) from error
    return path
