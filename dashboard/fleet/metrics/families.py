"""Families of gauges with labels, filled one after the other."""

from __future__ import annotations

from prometheus_client.metrics_core import GaugeMetricFamily


class Gauge(GaugeMetricFamily):
    """`put` takes the values of its labels in their order, and leaves out what is not known."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        super().__init__(name, meaning, labels=labels)

    def put(self, labels: tuple[str, ...], value: float | None) -> None:
        if value is not None:
            self.add_metric(labels, value)
