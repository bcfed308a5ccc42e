"""Who has numbers, and all of them as a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Collect = Callable[[], Iterable[Metric]]

_collects: list[Collect] = []


def register(collect: Collect) -> None:
    """Called at start-up. `collect` gives the numbers as they are when it is called, from any thread, at once."""
    if collect not in _collects:
        _collects.append(collect)


def exposition() -> bytes:
    """All numbers of this process, in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_All())
    return generate_latest(registry)


class _All(Collector):
    def collect(self) -> Iterator[Metric]:
        for collect in _collects:
            yield from collect()
