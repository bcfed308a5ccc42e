"""Per server: whether it was read, what that took, what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import Metric

from dashboard.fleet.metrics.families import Gauge
from dashboard.fleet.snapshots import ServerSnapshot


def families(servers: Sequence[ServerSnapshot]) -> Iterator[Metric]:
    up = Gauge("redis_up", "Whether the last round over the server was complete.", "server")
    at = Gauge("streamgauge_sampler_last_round_timestamp_seconds", "When the last complete round ended.", "server")
    took = Gauge("streamgauge_sampler_round_seconds", "How long the last complete round took.", "server")
    streams = Gauge("streamgauge_sampler_streams", "Streams of the server, once all were met.", "server")
    for server in servers:
        label = (server.name,)
        up.put(label, None if server.at is None and not server.error else float(not server.error))
        at.put(label, server.at)
        took.put(label, None if server.at is None else server.cost)
        streams.put(label, None if server.uncounted or server.error else len(server.streams))
    yield from (up, at, took, streams, _findings(servers))


def _findings(servers: Sequence[ServerSnapshot]) -> Metric:
    family = Gauge("streamgauge_findings", "Findings of the last round.", "server", "kind", "severity")
    for server in servers:
        if server.error or server.at is None:
            continue
        found = [*server.findings, *server.vanished]
        found += [finding for state in server.streams.values() for finding in state.findings]
        counts = Counter((finding.kind, finding.severity) for finding in found)
        for (kind, severity), count in sorted(counts.items()):
            family.put((server.name, kind, severity), count)
    return family
