"""Per server: what is recorded of its findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import Metric

from dashboard.fleet.incidents.ledger import Ledger
from dashboard.fleet.metrics.families import Gauge


def families(ledgers: Mapping[str, Ledger]) -> Iterator[Metric]:
    """`ledgers`: by server."""
    opened = Gauge("streamgauge_incidents_open", "Incidents that are open.", "server")
    waiting = Gauge("streamgauge_incidents_unwritten", "Changes that the database has not taken yet.", "server")
    for server, ledger in sorted(ledgers.items()):
        opened.put((server,), ledger.open_count if ledger.is_loaded else None)
        waiting.put((server,), ledger.unwritten if ledger.is_loaded or ledger.unwritten else None)
    yield from (opened, waiting)
