"""Where live news is served. Under FORCE_SCRIPT_NAME the socket has both spellings: with the prefix, and without."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path, re_path

from dashboard.live.connections.events import PATH, LiveEvents
from dashboard.live.connections.websocket import LiveConsumer

LIVE = "ws/v1/live/"

_socket: Any = LiveConsumer.as_asgi()
_prefix = (settings.FORCE_SCRIPT_NAME or "").strip("/")
websocket_urlpatterns: list[Any] = [
    path(route, _socket) for route in dict.fromkeys([LIVE, f"{_prefix}/{LIVE}".lstrip("/")])
]


def with_events(application: Any) -> LiveEvents:
    """An ASGI application for HTTP, by paths that hold the prefix, and the streams of events beside it."""
    return LiveEvents(application, f"/{_prefix}{PATH}" if _prefix else PATH)


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    """The handshake gets a 403."""
    await send({"type": "websocket.close"})


_refuse_all: Any = _refuse
nowhere: Any = re_path("", _refuse_all)
"""For our own site, after all others: else a stranger's slip of the pen is an error of ours, with a traceback."""
