"""`manage.py scenario NAME`: run one example system against a Redis until Ctrl-C or --duration."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from streams_admin.scenarios import catalogue
from streams_admin.scenarios.crew import Crew, ForeignKeys, claim_keys, clean
from streams_admin.scenarios.options import Options


class Command(BaseCommand):
    help = "Run one example system (" + ", ".join(catalogue.SCENARIOS) + ") against a Redis."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=list(catalogue.SCENARIOS))
        parser.add_argument("--url", help="the Redis to play on (default: the first configured server)")
        parser.add_argument("--rate", type=float, help="entries a second")
        parser.add_argument("--workers", type=int, help="how many workers")
        parser.add_argument("--users", type=int, default=20, help="how many users (where there are users)")
        parser.add_argument("--duration", type=float, help="seconds; without it until Ctrl-C")
        parser.add_argument("--crash-after", type=float, help="seconds until worker-2 is killed with work in hand")
        parser.add_argument("--reclaim-after", type=float, help="seconds after which workers take over idle entries")
        parser.add_argument("--poison-rate", type=float, default=0.0, help="share of entries nobody can handle, 0 to 1")
        parser.add_argument("--seed", type=int, help="repeatable data")
        parser.add_argument("--prefix", default="", help="put before every key")
        parser.add_argument("--clean", action="store_true", help="delete what the system wrote before, then run")

    def handle(self, *args: Any, **given: Any) -> None:
        name, url = given["name"], given["url"] or self._first_server()
        options = Options(**{field: given[field] for field in Options.__dataclass_fields__})
        self._prepare(name, options, url, clean_first=given["clean"])
        crew = Crew(name, options, url)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        crew.start()
        self.stdout.write(f"{name}: {', '.join(crew.living())} are at work. Ctrl-C ends them.")
        try:
            self._watch(crew, stop, given["duration"])
        finally:
            crew.stop()

    def _first_server(self) -> str:
        if not settings.STREAMGAUGE_SERVERS:
            raise CommandError("No server is configured: set REDIS_URL, or name one with --url.")
        return str(settings.STREAMGAUGE_SERVERS[0].url)

    def _prepare(self, name: str, options: Options, url: str, *, clean_first: bool) -> None:
        client = redis.Redis.from_url(url)
        try:
            if clean_first:
                self.stdout.write(f"{name}: deleted {clean(client, name, options)} keys.")
            claim_keys(client, name, options)
        except ForeignKeys as error:
            raise CommandError(str(error)) from error
        except redis.ConnectionError as error:
            raise CommandError("The Redis does not answer.") from error
        finally:
            client.close()

    def _watch(self, crew: Crew, stop: threading.Event, duration: float | None) -> None:
        living = crew.living()
        waited = 0.0
        while not stop.wait(0.5) and crew.living() and (duration is None or waited < duration):
            waited += 0.5
            for role in set(living) - set(crew.living()):
                self.stdout.write(f"{crew.name}: {role} is gone.")
            living = crew.living()
