"""Start-up of the site."""

from __future__ import annotations

from django.apps import AppConfig

from dashboard import background, checks  # noqa: F401 - the checks register themselves
from dashboard.config.active import configured
from dashboard.fleet.metrics import families
from dashboard.fleet.samplers import Fleet
from dashboard.live import hub
from dashboard.metrics import registry
from dashboard.metrics.loop import LoopWatch
from dashboard.streams import links


class DashboardConfig(AppConfig):
    """`fleet`: what is known of all watched servers in this process."""

    name = "dashboard"
    label = "streamgauge"
    verbose_name = "Streamgauge"
    fleet: Fleet

    def ready(self) -> None:
        from dashboard.fleet.incidents.rows import Rows

        links.configure(configured().watched)
        self.fleet = Fleet(Rows())
        _wire(self.fleet)


def _wire(fleet: Fleet) -> None:
    """The work beside the site. Here the sampler meets the hub; neither knows the other."""
    background.register(fleet.run)
    background.register(hub.run)
    background.on_shutdown(hub.close)
    registry.register(hub.metrics)
    registry.register(lambda: families(fleet.current(), fleet.ledgers(), configured().metrics_streams))
    watch = LoopWatch()
    background.register(watch.run)
    registry.register(watch.families)
    fleet.on_snapshot(lambda: hub.nudge(hub.fleet()))
    hub.on_nudge(lambda topic: fleet.wake(topic.server))
