"""Socket paths. Under FORCE_SCRIPT_NAME both spellings arrive: with the prefix, and with what a proxy left of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path

from dashboard.live.consumer import LiveConsumer

LIVE = "ws/v1/live/"

_socket: Any = LiveConsumer.as_asgi()
_prefix = (settings.FORCE_SCRIPT_NAME or "").strip("/")
websocket_urlpatterns: list[Any] = [
    path(route, _socket) for route in dict.fromkeys([LIVE, f"{_prefix}/{LIVE}".lstrip("/")])
]
