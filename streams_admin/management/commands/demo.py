"""`manage.py demo`: a server of its own, the example systems on it, and the site that shows them. Ctrl-C ends all."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from dashboard import ports
from dashboard.config.active import configured
from streams_admin.demo.check import Failed, check
from streams_admin.demo.embedded import NoServer
from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.showcase import CannotShow, Showcase

CRASH = (
    "In a few seconds worker-2 of orders crashes with entries in progress: watch the first page.\n"
    "The demo uses short thresholds: late after {LATE_AFTER} s, stuck after {STUCK_AFTER} s."
)


class Command(BaseCommand):
    help = "Start an embedded server (or use REDIS_URL), run the example systems on it, and start the site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=ports.port, default=configured().port, help="port of the site on 127.0.0.1 (8000)"
        )
        parser.add_argument("--scenario", default="all", help=f"all, or any of {','.join(catalogue.SCENARIOS)}")
        parser.add_argument(
            "--check", action="store_true", help="check over HTTP and WebSocket, stop, and exit with 0 or 1"
        )
        parser.add_argument("--into-existing", action="store_true", help="use REDIS_URL even if it holds other keys")

    def handle(self, *args: Any, port: int, scenario: str, check: bool, into_existing: bool, **options: Any) -> None:
        chosen = _chosen(scenario)
        given = configured().watched[0].url if configured().watched else ""
        if given:
            self.stdout.write(f"Using {_source(given)} instead of an embedded server.")
            self.stdout.flush()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            with Showcase(port, chosen, os.environ, given, into_existing=into_existing) as show:
                self._check(show) if check else self._show(show, stop)
        except (CannotShow, NoServer) as error:
            raise CommandError(str(error)) from error

    def _show(self, show: Showcase, stop: threading.Event) -> None:
        self.stdout.write(f"\nStreamgauge is at {show.address}/\n\nSign in (once) with\n\n    {show.sign_in_link()}\n")
        self.stdout.write(f"\nIts Redis: {redis_cli(show.url)}\n")
        if "orders" in show.scenarios:
            self.stdout.write(f"{CRASH.format(**show.judged)}")
        asks = sys.stdin is not None and sys.stdin.isatty()
        self.stdout.write(
            "Press Enter for a new link, Ctrl-C to stop everything.\n" if asks else "Ctrl-C stops everything.\n"
        )
        self.stdout.flush()
        while show.serving and not stop.wait(0.3):
            if asks and select.select([sys.stdin], [], [], 0)[0] and sys.stdin.readline():
                self.stdout.write(f"    {show.sign_in_link()}\n")
        if not stop.is_set():
            raise CannotShow("The site stopped unexpectedly; see the lines above.")
        self.stdout.write("\nStopping everything.")

    def _check(self, show: Showcase) -> None:
        try:
            for line in check(show.address, show.sign_in_link()):
                self.stdout.write(f"ok: {line}")
        except (Failed, OSError) as error:
            raise CommandError(f"The check failed: {error}.") from error


def _source(url: str) -> str:
    """Which server was configured, without its user and password."""
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{'STREAMGAUGE_CONFIG' if os.environ.get('STREAMGAUGE_CONFIG') else 'REDIS_URL'} ({where})"


def redis_cli(url: str) -> str:
    """How to connect to that server: a port of this machine, a socket, or a URL without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis-cli -s {parts.path}"
    if (parts.scheme, parts.hostname) == ("redis", "127.0.0.1") and parts.path in ("", "/", "/0"):
        return f"redis-cli -p {parts.port or 6379}"
    return f"redis-cli -u {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _chosen(scenario: str) -> list[str]:
    names = list(catalogue.SCENARIOS) if scenario == "all" else scenario.split(",")
    unknown = [name for name in names if name not in catalogue.SCENARIOS]
    if unknown:
        raise CommandError(f"--scenario is {unknown[0]!r}; allowed: all, {', '.join(catalogue.SCENARIOS)}.")
    return names
