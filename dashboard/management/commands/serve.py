"""`manage.py serve`: the site for real use, Daphne with its background work in one process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

from daphne import http_protocol, ws_protocol
from daphne.http_protocol import WebRequest
from daphne.server import twisted_loop  # installs Twisted's reactor; before other imports of it
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from twisted.internet import reactor

from dashboard import background, ports
from dashboard.asgi import application
from dashboard.config.active import configured
from dashboard.http.body_limit import BODY_BYTES
from dashboard.management import database, descriptors
from dashboard.management.http_channel import AnsweringChannel
from dashboard.management.live_protocol import LiveProtocol, LiveRequest, LiveServer
from dashboard.streams import links
from dashboard.streams.errors import StreamError

log = logging.getLogger("streamgauge.access")

FINISH_WITHIN = 5.0
"""Seconds that requests in flight get when the process is told to stop."""
FRAME_BYTES = 65_536
ROOT_PATH, PROTOCOLS = b"daphne-root-path", b"sec-websocket-protocol"
NEXT = "Nobody can sign in yet: run streamgauge create_user NAME --role admin in another terminal."


class Command(BaseCommand):
    help = "Run the site and its background work until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=configured().host, help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=ports.port, default=configured().port, help="port (8000)")
        parser.add_argument("--migrate", action="store_true", help="migrate a PostgreSQL first; SQLite always is")
        parser.add_argument("--until-stdin-ends", action="store_true", help="stop when the parent process ends")

    def handle(self, *args: Any, host: str, port: int, migrate: bool, until_stdin_ends: bool, **options: Any) -> None:
        _refuse_taken(host, port)
        if few := descriptors.enough_for(configured().idle_connections):
            self.stderr.write(few)
        database.prepare(migrate=migrate)
        nobody = not User.objects.exists()
        server = site(host, port, when_it_listens=lambda: self._say_where(host, port, nobody))
        if until_stdin_ends:
            threading.Thread(target=_wait_for_end, args=(server,), daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):  # before it listens: who sees that may end it at once
            twisted_loop.add_signal_handler(number, lambda: _begin_to_end(server))
        server.run()

    def _say_where(self, host: str, port: int, nobody: bool) -> None:
        """Only now: who started us takes the line for the sign that it is we who answer there. `nobody`: no users."""
        self.stdout.write(f"Streamgauge listens on http://{host}:{port}{settings.FORCE_SCRIPT_NAME or ''}/")
        self.stdout.flush()
        threading.Thread(target=self._say_what_is_next, args=(nobody,), daemon=True).start()

    def _say_what_is_next(self, nobody: bool) -> None:
        """In a thread: a server that does not answer may take its time."""
        for line in [*_servers(), *([NEXT] if nobody else [])]:
            self.stdout.write(line)
        self.stdout.flush()


def _servers() -> Iterator[str]:
    """A line for each watched server: whether it answers."""
    if not links.all():
        yield "No Redis is watched: set REDIS_URL, or STREAMGAUGE_CONFIG for several."
    for server in links.all():
        try:
            info = server.capabilities().info
            yield f"{server.title}: {info.flavour} {info.version_text} answers."
        except StreamError as error:
            yield f"{server.title} does not answer yet: {error.message}"


class BoundedRequest(LiveRequest):
    """Of a body, keeps only so much that `BodyLimit` sees that it is too large: Daphne has read all of it before.

    A client does not say where the site is mounted, and what Daphne cannot decode is a 400, not a traceback in the log.
    """

    def process(self) -> Any:
        self.requestHeaders.removeHeader(ROOT_PATH)
        if all(value.isascii() for value in self.requestHeaders.getRawHeaders(PROTOCOLS, [])):
            return super().process()
        return self.basic_error(400, b"Bad Request", "Invalid header value")

    def handleContentChunk(self, data: bytes) -> None:
        if self.content.tell() <= BODY_BYTES:
            super().handleContentChunk(data)


def site(host: str, port: int, *, when_it_listens: Callable[[], None]) -> LiveServer:
    """Daphne with our limits, beginning the background work when it is ready and ending in order on SIGTERM."""
    http_protocol.WebRequest = BoundedRequest
    http_protocol.HTTPFactory.protocol = AnsweringChannel
    ws_protocol.WebSocketFactory.protocol = LiveProtocol
    server: LiveServer = LiveServer(
        idle_connections=configured().idle_connections,
        application=application,
        endpoints=[f"tcp:port={port}:interface={host.replace(':', chr(92) + ':')}"],
        signal_handlers=False,
        action_logger=access_line,
        http_timeout=30,
        websocket_timeout=-1,
        websocket_connect_timeout=5,
        ping_interval=10,
        ping_timeout=10,
        application_close_timeout=5,
        websocket_max_message_size=FRAME_BYTES,
        websocket_max_frame_size=FRAME_BYTES,
        verbosity=0,
        server_name="",
        ready_callable=lambda: _ready(server, when_it_listens),
    )
    return server


def _ready(server: LiveServer, when_it_listens: Callable[[], None]) -> None:
    """Called when it listens; one that cannot never gets here."""
    when_it_listens()
    twisted_loop.call_soon(background.start)


def _wait_for_end(server: LiveServer) -> None:
    """In a thread: whoever started us holds the other end of stdin, so that it closes however they end."""
    while os.read(sys.stdin.fileno(), 4096):  # not the buffered reader: its lock would break the end of the process
        pass
    reactor.callFromThread(_begin_to_end, server)


_ending: list[asyncio.Task[None]] = []


def _begin_to_end(server: LiveServer) -> None:
    if not _ending:
        _ending.append(asyncio.ensure_future(_end(server)))


async def _end(server: LiveServer) -> None:
    """`/readyz` says no, sockets and background work are shut down, requests in flight finish, the reactor stops."""
    background.drain()
    await background.stop()
    deadline = asyncio.get_running_loop().time() + FINISH_WITHIN
    while _in_flight(server) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - Daphne has no event
        await asyncio.sleep(0.05)
    reactor.callLater(0, reactor.stop)  # type: ignore[arg-type,misc]


def _in_flight(server: LiveServer) -> int:
    return sum(
        isinstance(protocol, WebRequest) and "disconnected" not in details
        for protocol, details in server.connections.items()
    )


def access_line(protocol: str, action: str, details: dict[str, Any]) -> None:
    """Who asked for what, without query strings and one-time links: those may hold secrets."""
    if action != "complete":
        return
    path = details["path"].split("?", 1)[0]
    path = "/sign-in/…" if "/sign-in/" in path else path
    log.info("%s %s %s %s", details["client"], details["method"], path, details["status"])


def _refuse_taken(host: str, port: int) -> None:
    hindrance = ports.hindrance(host, port)
    if hindrance:
        raise CommandError(f"Cannot listen on {host}:{port}: {hindrance.strerror}. Choose another with --port.")
