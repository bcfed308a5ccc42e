"""Where it is measured: a server of our own, the large world, the site on a temporary SQLite as `serve` uses it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from streams_admin.demo import embedded
from tests import world

if TYPE_CHECKING:
    from django.test import Client

    from dashboard.accounts.principals import Principal
    from dashboard.streams.links import Server


@dataclass
class Place:
    """`bare` is what redis-py gives everybody; `browser` a signed-in admin, `principal` the same person."""

    bare: redis.Redis
    server: Server
    browser: Client
    principal: Principal


@contextmanager
def place() -> Iterator[Place]:
    """Seeded and looked at by the sampler, as while the site is served. The server and all files go at the end."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder, embedded.start() as running:
        configure(folder)
        with redis.Redis.from_url(running.url, protocol=2) as client:
            world.seed(client, world.LARGE)
            yield _opened(client, running.url)
            _close()


def configure(folder: str) -> None:
    """Nothing of the surrounding machine may reach the site."""
    for name in ("REDIS_URL", "REDIS_ADMIN_URL", "STREAMGAUGE_CONFIG", "DATABASE_URL", "DEBUG", "ALLOWED_HOSTS"):
        os.environ.pop(name, None)
    os.environ.update(DATA_DIR=folder, SECRET_KEY="only-for-benchmarks-" + "x" * 32, LOG_LEVEL="ERROR")
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)


def _opened(client: redis.Redis, url: str) -> Place:
    from django.contrib.auth.models import User
    from django.test import Client

    from dashboard.accounts.directory import principal_for_user
    from dashboard.fleet.samplers import fleet
    from dashboard.streams import links
    from dashboard.streams.links import ServerConfig

    links.configure([ServerConfig("default", url)])
    watched = links.get("default")
    fleet().sample(watched)
    fleet().running = True  # from here on pages read what is there, as they do beside the sampler of `serve`
    admin = User.objects.create_superuser("bench")
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(admin)
    return Place(client, watched, browser, principal_for_user(admin))


def _close() -> None:
    from django.db import connections

    from dashboard.streams import links

    links.configure([])
    connections.close_all()
