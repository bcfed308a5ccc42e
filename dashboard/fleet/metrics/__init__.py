"""The numbers of the fleet for Prometheus, as docs/metrics.md has them: what the last round of each server saw.

What is not known has no number, and least of all 0: a server that the last round could not read has none but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.metrics_core import Metric

from dashboard.fleet.incidents.ledger import Ledger
from dashboard.fleet.metrics import incidents, rounds, streams
from dashboard.fleet.snapshots import ServerSnapshot


def families(servers: Sequence[ServerSnapshot], ledgers: Mapping[str, Ledger], most: int) -> Iterator[Metric]:
    """Of all servers of this process. `most`: streams of each that have numbers of their own, and as many groups."""
    yield from rounds.families(servers)
    yield from incidents.families(ledgers)
    yield from streams.families([server for server in servers if server.at is not None and not server.error], most)
