"""Sockets for tests, on the application as it is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dashboard.accounts.secrets import digest, new_secret
from dashboard.asgi import application
from dashboard.models import ApiToken
from tests.people import person, signed_in

PATH = "/ws/v1/live/"
HOST = "127.0.0.1:8000"
HERE = f"http://{HOST}"
Frame = dict[str, Any]


def make_token(role: str, keys: list[str]) -> str:
    secret = new_secret()
    ApiToken.objects.create(name=f"{role} {len(keys)} {secret[:6]}", digest=digest(secret), role=role, keys=keys)
    return secret


async def token(role: str = "viewer", keys: tuple[str, ...] = ("*",)) -> str:
    made: str = await database_sync_to_async(make_token)(role, list(keys))
    return made


async def browser(name: str = "vera", role: str | None = "viewer") -> tuple[User, Client]:
    user = await database_sync_to_async(person)(name, role)
    return user, await database_sync_to_async(signed_in)(user)


def headers(client: Client | None = None, origin: str | None = HERE, host: str = HOST) -> list[tuple[bytes, bytes]]:
    found = [(b"host", host.encode())]
    if origin is not None:
        found.append((b"origin", origin.encode()))
    if client is not None:
        found.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}".encode()))
    return found


class Socket(WebsocketCommunicator):
    """A client that answers what it is asked and remembers what it got."""

    async def next(self, kind: str | None = None, within: float = 3.0) -> Frame:
        """The next frame, or the next of a kind."""
        deadline = time.monotonic() + within
        while True:
            frame: Frame = await self.receive_json_from(max(0.01, deadline - time.monotonic()))
            if kind in (None, frame["type"]):
                return frame

    async def closed(self, within: float = 3.0) -> int:
        """The code it is closed with; frames before it are passed over."""
        deadline = time.monotonic() + within
        while True:
            event = await self.receive_output(max(0.01, deadline - time.monotonic()))
            if event["type"] == "websocket.close":
                return int(event["code"])

    async def until(self, done: Callable[[list[Frame]], bool], within: float = 5.0) -> list[Frame]:
        """Frames of entries, acknowledged, until it is enough."""
        got: list[Frame] = []
        while not done(got):
            frame = await self.next("entries", within)
            got.append(frame)
            await self.send_json_to({"type": "ack", "id": frame["id"], "last_id": frame["last_id"]})
        return got


@asynccontextmanager
async def opened(head: list[tuple[bytes, bytes]]) -> AsyncIterator[Socket]:
    socket = Socket(application, PATH, headers=head)
    assert (await socket.connect())[0]
    try:
        yield socket
    finally:
        await asyncio.wait_for(socket.disconnect(), 3)


@asynccontextmanager
async def by_token(secret: str) -> AsyncIterator[Socket]:
    async with opened(headers(origin=None)) as socket:
        await socket.send_json_to({"type": "auth", "token": secret})
        yield socket


def watch(id_: str = "t1", stream: str = "orders", **more: object) -> Frame:
    return {"type": "watch", "id": id_, "topic": "entries", "server": "default", "stream": stream, **more}
