"""Start-up of the site."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

from dashboard.streams import servers


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Streamgauge"

    def ready(self) -> None:
        servers.configure(settings.STREAMGAUGE_SERVERS)
