"""HTTP and WebSocket, in one visible expression."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup(set_prefix=False)

from dashboard.assets.prepare import prepare  # noqa: E402 - needs the apps

prepare()  # before WhiteNoise looks at what there is
_django = get_asgi_application()

from dashboard.http.body_limit import BodyLimit  # noqa: E402 - needs the apps
from dashboard.http.script_name import ScriptName  # noqa: E402 - needs the apps
from dashboard.routing import nowhere, websocket_urlpatterns, with_events  # noqa: E402 - needs the apps

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(ScriptName(with_events(_django), settings.FORCE_SCRIPT_NAME)),
        "websocket": SessionMiddlewareStack(URLRouter([*websocket_urlpatterns, nowhere])),
    }
)
