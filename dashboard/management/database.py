"""The database of commands that may be the first to use it."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command

from dashboard.config.database import is_embedded


def made() -> None:
    """Make or upgrade the embedded one. A PostgreSQL is upgraded by hand: several processes may use it."""
    if is_embedded(settings.DATABASES["default"]):
        call_command("migrate", interactive=False, verbosity=0)
