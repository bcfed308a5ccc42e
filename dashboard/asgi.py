"""HTTP and WebSocket, in one visible expression."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
_http = get_asgi_application()

from dashboard.routing import websocket_urlpatterns  # noqa: E402 - needs the apps

application = ProtocolTypeRouter(
    {"http": _http, "websocket": SessionMiddlewareStack(URLRouter(websocket_urlpatterns))}
)
