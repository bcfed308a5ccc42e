"""Start-up of the acting side."""

from __future__ import annotations

from django.apps import AppConfig

from dashboard import background, menus
from streams_admin.operations.lease.here import Here


class StreamsAdminConfig(AppConfig):
    """`here`: the operations that this process runs."""

    name = "streams_admin"
    label = "streamgauge_admin"
    verbose_name = "Streamgauge: actions"

    here: Here

    def ready(self) -> None:
        from streams_admin import last_actions, offers
        from streams_admin.operations import results, start

        self.here = Here()
        menus.register(offers.offers)
        menus.register_nav(offers.pages)
        menus.register_last_actions(last_actions.last_actions)
        background.register(start.run)
        background.register(results.sweep)
