"""Start-up of the hands."""

from __future__ import annotations

from django.apps import AppConfig


class StreamsAdminConfig(AppConfig):
    name = "streams_admin"
    verbose_name = "Streamgauge: actions"
