"""The options in force."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from dashboard.config.options import Options, read


def configured() -> Options:
    """What `settings.STREAMGAUGE` holds; without it all defaults. Raises ImproperlyConfigured."""
    return _read()


@cache
def _read() -> Options:
    return read(getattr(settings, "STREAMGAUGE", {}))


@receiver(setting_changed)
def _changed(*, setting: str, **_: Any) -> None:
    """A test overrode the setting, or ended."""
    if setting == "STREAMGAUGE":
        _read.cache_clear()
