"""A long pending list, and a database that threads may share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.db import connections

from dashboard.streams.links import Server
from tests.dashboard.streams.seeding import fill, group


@pytest.fixture
def many(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """1,200 entries pending with WORKER: after the request 700 are left for the background."""
    fill(redis_client, 1200)
    group(redis_client, read=1200)
    return redis_client


@pytest.fixture
def real_database(transactional_db: None, tmp_path: Path) -> Iterator[Path]:
    """A database in a file, as in real use. One in memory locks whole tables as soon as two threads write."""
    inside, settings = connections["default"], connections.settings["default"]
    name, path = settings["NAME"], tmp_path / "streamgauge.sqlite3"
    inside.ensure_connection()
    with sqlite3.connect(path) as copy:
        inside.connection.backup(copy)
    copy.close()
    settings["NAME"] = str(path)
    connections["default"] = connections.create_connection("default")
    yield path
    connections["default"].close()
    settings["NAME"] = name
    connections["default"] = inside
