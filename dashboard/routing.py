"""Where live news is served. Under FORCE_SCRIPT_NAME the socket has both spellings: with the prefix, and without."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path

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
