"""Where our own rows are: DATABASE_URL, else SQLite in the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from dashboard.config.environment import secret
from dashboard.config.urls import split

FORM = "postgres://user:password@host:port/name or sqlite:///path"
SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "CONN_MAX_AGE": None,  # closing the last connection writes the whole log back: each batch would wait
}
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",  # with Django's default most concurrent writers fail as "locked"
    "timeout": 5,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
}


def database(data_dir: Path) -> dict[str, Any]:
    """The entry of DATABASES: PostgreSQL or SQLite by DATABASE_URL, else SQLite in the data folder."""
    url = secret("DATABASE_URL")
    if not url:
        return {**SQLITE, "NAME": str(data_dir / "streamgauge.sqlite3"), "OPTIONS": {**SQLITE_OPTIONS}}
    scheme = split("DATABASE_URL", url, FORM).scheme
    if scheme not in ("postgres", "postgresql", "sqlite"):
        raise ImproperlyConfigured(f"DATABASE_URL is not for PostgreSQL or SQLite; allowed: {FORM}.")
    found: dict[str, Any] = {**dj_database_url.parse(url)}
    return _sqlite(found) if scheme == "sqlite" else {**found, "CONN_HEALTH_CHECKS": True}


def _sqlite(found: dict[str, Any]) -> dict[str, Any]:
    """Of a file: each thread has a connection of its own, and in memory each would have a database of its own."""
    if found["NAME"] in ("", ":memory:") or found["HOST"]:
        raise ImproperlyConfigured(
            "DATABASE_URL names no file; allowed: sqlite:///name.sqlite3 (in the working directory) "
            "or sqlite:////absolute/path."
        )
    return {**SQLITE, "NAME": found["NAME"], "OPTIONS": {**SQLITE_OPTIONS, **found.get("OPTIONS", {})}}


def is_embedded(database: dict[str, Any]) -> bool:
    """Whether it is a file of this machine: then we may make and upgrade it, and keep a key beside it."""
    return str(database["ENGINE"]).endswith("sqlite3")
