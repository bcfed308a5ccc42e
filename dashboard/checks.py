"""System checks of ours: settings that are each allowed, and together leave a door open.

Imported by `DashboardConfig.ready()`. `serve` prints the first kind at every start; `check --deploy` runs all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from dashboard.config.active import configured
from dashboard.config.database import is_embedded
from dashboard.config.environment import LOOPBACK


@register(Tags.security)
def debug_is_for_ourselves(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W001: with DEBUG an error page shows source code and settings to whoever can reach the site."""
    if not settings.DEBUG or not foreign_hosts():
        return []
    return [
        Warning(
            f"DEBUG is on and ALLOWED_HOSTS includes {foreign_hosts()[0]}: error pages show source code and settings.",
            hint="Unset DEBUG, or list only this machine in ALLOWED_HOSTS.",
            id="streamgauge.W001",
        )
    ]


@register(Tags.security, deploy=True)
def others_come_by_https(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W002: without HTTPS passwords, sessions and payloads can be read on their way."""
    if configured().https or not foreign_hosts():
        return []
    return [
        Warning(
            f"HTTPS is off and ALLOWED_HOSTS includes {foreign_hosts()[0]}: passwords and payloads go unencrypted.",
            hint="Put a TLS proxy in front, set BEHIND_PROXY=true and leave HTTPS unset.",
            id="streamgauge.W002",
        )
    ]


@register(Tags.security)
def https_comes_from_a_proxy(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W003: `serve` speaks plain HTTP; with HTTPS, and no proxy that is believed, each page redirects to itself."""
    if not configured().https or configured().behind_proxy:
        return []
    return [
        Warning(
            "HTTPS is on and BEHIND_PROXY is off: every request looks like plain HTTP and is redirected forever.",
            hint="Set BEHIND_PROXY=true if a TLS proxy is in front, or HTTPS=false if not.",
            id="streamgauge.W003",
        )
    ]


@register(Tags.security, deploy=True)
def the_key_is_shared_on_purpose(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E001: the key made for one process and its SQLite is not one that several processes share."""
    if is_embedded(settings.DATABASES["default"]) or kept_key() != settings.SECRET_KEY:
        return []
    return [
        Error(
            "SECRET_KEY is the one generated for the embedded database, but DATABASE_URL is set.",
            hint="Generate one for all processes and delete secret_key in DATA_DIR.",
            id="streamgauge.E001",
        )
    ]


def foreign_hosts() -> list[str]:
    """The names in ALLOWED_HOSTS under which others than this machine can reach the site."""
    return [host for host in settings.ALLOWED_HOSTS if host not in LOOPBACK]


def kept_key() -> str | None:
    """The key that was made and kept in DATA_DIR; None when there is none."""
    try:
        return (configured().data_dir / "secret_key").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
