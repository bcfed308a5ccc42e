"""Start-up of the site."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

from dashboard import background, checks  # noqa: F401 - the checks register themselves
from dashboard.streams import links


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Streamgauge"

    def ready(self) -> None:
        links.configure(settings.STREAMGAUGE_SERVERS)
        _wire()


def _wire() -> None:
    """The work beside the site. Here the sampler meets the hub; neither knows the other."""
    from dashboard.fleet import sampler  # needs the settings
    from dashboard.live import hub

    background.register(sampler.run)
    background.register(hub.run)
    background.at_stop(hub.close)
    sampler.on_snapshot(lambda: hub.nudge(hub.fleet()))
    hub.on_nudge(lambda topic: sampler.wake(topic.server))
