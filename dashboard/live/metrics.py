"""The numbers of live for Prometheus, as docs/metrics.md has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from dashboard.live.sending.counters import Counters

COUNTED = {
    "frames": ("streamgauge_live_frames", "Frames of new entries sent to viewers."),
    "size": ("streamgauge_live_sent_bytes", "Bytes of these frames."),
    "entries": ("streamgauge_live_entries", "Entries in these frames: one that two viewers get counts twice."),
    "skipped": ("streamgauge_live_skipped", "Entries that viewers did not get, because more came than they can take."),
    "closed_slow": ("streamgauge_live_closed_slow", "Sockets closed because their viewer took nothing any more."),
}


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Of one hub. `watches`: by what is watched; `rests`: seconds that each server's reader rested last."""

    viewers: int
    watches: Mapping[str, int]
    rests: Mapping[str, float]
    counters: Counters


def families(hubs: Sequence[LiveFigures]) -> Iterator[Metric]:
    """Of all hubs of the process together."""
    viewers = sum(hub.viewers for hub in hubs)
    yield GaugeMetricFamily("streamgauge_live_viewers", "Sockets that are open.", value=viewers)
    watches: Counter[str] = Counter()
    for hub in hubs:
        watches.update(hub.watches)
    yield _labelled("streamgauge_live_watches", "What these sockets watch, by kind.", "topic", watches)
    rests = {server: rest for hub in hubs for server, rest in hub.rests.items()}
    yield _labelled("streamgauge_live_rest_seconds", "The reader's last rest between two reads.", "server", rests)
    for field, (name, meaning) in COUNTED.items():
        yield CounterMetricFamily(name, meaning, value=sum(getattr(hub.counters, field) for hub in hubs))


def _labelled(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value in sorted(values):
        family.add_metric([value], values[value])
    return family
