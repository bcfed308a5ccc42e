"""`manage.py scenario NAME`: run one example system against a Redis until Ctrl-C or --duration."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError

from dashboard.config.active import configured
from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.scenarios.crew import Crew, ForeignKeys, claim_keys, clean
from streams_admin.demo.scenarios.options import Options

REPORT_EVERY = 5.0
"""Seconds between two lines of progress."""


def _at_least(least: float, kind: Callable[[str], float] = float, most: float = float("inf")) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise ArgumentTypeError(f"{text} is out of range ({least:g} to {most:g})")
        return value

    parse.__name__ = "whole number" if kind is int else "number"
    return parse


class Command(BaseCommand):
    help = "Run one example system against a Redis, each worker in its own process."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        systems = "\n".join(f"  {name:15}{catalogue.summary(name)}" for name in catalogue.SCENARIOS)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.description = f"{self.help}\n\n{systems}"
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        some, whole = _at_least(0), _at_least(1, int)
        add = parser.add_argument
        add("name", choices=list(catalogue.SCENARIOS), help="the system; see above")
        add("--url", help="the Redis to use (default: the first configured server)")
        add("--rate", type=some, help="entries per second; 0: none")
        add("--workers", type=whole, help="number of workers (notifications: per group)")
        add("--users", type=whole, help="number of users, or of devices in systems without users")
        add("--duration", type=some, help="stop after this many seconds (default: run until Ctrl-C)")
        add("--crash-after", type=some, help="kill the second worker after this many seconds, with entries in progress")
        add("--reclaim", action="store_true", help="workers take over abandoned entries by themselves")
        add(
            "--reclaim-after",
            type=some,
            help="idle seconds before they do (carts: before a silent projector loses its lease)",
        )
        add(
            "--give-up-after",
            type=whole,
            default=5,
            help="deliveries before an entry goes to the dead-letter stream (5)",
        )
        add(
            "--poison-rate",
            type=_at_least(0, most=1),
            default=0.0,
            help="share of entries that no worker can process, 0 to 1",
        )
        add("--work-time", type=some, default=1.0, help="multiplies the time that processing takes")
        add("--seed", type=int, help="seed for repeatable data")
        add("--prefix", default="", help="prefix for every key")
        add("--clean", action="store_true", help="delete what an earlier run wrote, then run")
        add("--verbose", action="store_true", help="print what readers see")

    def handle(self, *args: Any, **given: Any) -> None:
        name, url = given["name"], given["url"] or self._first_server()
        options = Options(**{field: given[field] for field in Options.__dataclass_fields__})
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
        try:
            self._prepare(client, name, options, clean_first=given["clean"])
            self._play(Crew(name, options, url), client, given["duration"])
        finally:
            client.close()

    def _first_server(self) -> str:
        if not configured().watched:
            raise CommandError("No server is configured: set REDIS_URL or pass --url.")
        return configured().watched[0].url

    def _prepare(self, client: redis.Redis, name: str, options: Options, *, clean_first: bool) -> None:
        try:
            if clean_first:
                self.stdout.write(f"{name}: deleted {clean(client, name, options)} keys.")
            claim_keys(client, name, options)
        except ForeignKeys as error:
            raise CommandError(str(error)) from error
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise CommandError("Redis does not answer.") from error
        except redis.RedisError as error:
            raise CommandError(f"Redis returned an error: {error}.") from error

    def _play(self, crew: Crew, client: redis.Redis, duration: float | None) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            crew.start()
            self.stdout.write(f"{crew.name}: {', '.join(crew.living())} running. Ctrl-C stops them.")
            self._watch(crew, client, stop, duration)
        finally:
            crew.stop()
        self.stdout.write(f"{crew.name}: stopped. {self._progress(crew, client)}")

    def _watch(self, crew: Crew, client: redis.Redis, stop: threading.Event, duration: float | None) -> None:
        """Until the stop, the end of the time, or the end of the last process; says who is gone, and how it goes."""
        began, told, living = time.monotonic(), 0.0, crew.living()
        while not stop.wait(0.2) and crew.living():
            spent = time.monotonic() - began
            for role in [role for role in living if role not in crew.living()]:
                self.stdout.write(f"{crew.name}: {role} is gone.")
            living = crew.living()
            if duration is not None and spent >= duration:
                return
            if spent - told >= REPORT_EVERY:
                told = spent
                self.stdout.write(f"{crew.name}, {spent:.0f} s: {self._progress(crew, client)}")

    def _progress(self, crew: Crew, client: redis.Redis) -> str:
        try:
            return catalogue.get(crew.name).progress(client, crew.options)
        except redis.RedisError as error:
            return f"no progress from Redis ({error})"
