"""Our own database, before a command uses it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from dashboard.config.database import is_embedded


def prepare(*, migrate: bool = False) -> None:
    """Migrate an embedded one, which is kept for us alone; a PostgreSQL only if `migrate` says so.

    Several processes of different versions may use a PostgreSQL: whoever runs them says when. Raises CommandError
    when it is not migrated.
    """
    embedded = is_embedded(settings.DATABASES["default"])
    if embedded:
        _keep_private(Path(connection.settings_dict["NAME"]))
    if embedded or migrate:
        call_command("migrate", interactive=False, verbosity=0)
    elif unmigrated():
        raise CommandError("The database is not migrated: run streamgauge migrate.")


def unmigrated() -> bool:
    """Whether this version needs migrations that were not applied yet. Raises DatabaseError."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _keep_private(path: Path) -> None:
    """SQLite gives the files that it makes beside it the same mode. A file of somebody else is left as it is."""
    if str(path).startswith("file:"):
        return  # the database of tests, in memory
    with suppress(OSError):  # one that cannot be used at all says so when it is migrated
        os.close(os.open(path, os.O_CREAT, 0o600))
        path.chmod(0o600)
