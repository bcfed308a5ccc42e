"""How long the event loop was held by one piece of work: everybody who is live waited for that long."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

EVERY = 0.1
"""Seconds between two looks: what holds the loop for less than that is seen in a part of the cases."""
BOUNDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopWatch:
    """Wakes up every EVERY seconds, and counts how much too late."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    async def run(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self.note(max(0.0, loop.time() - due))

    def note(self, late: float) -> None:
        self._counts[bisect_left(BOUNDS, late)] += 1
        self._sum += late

    def families(self) -> Iterator[Metric]:
        bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
        yield HistogramMetricFamily(
            "streamgauge_event_loop_hold_seconds",
            "How much too late the event loop woke up, ten times a second.",
            buckets=list(zip(bounds, map(float, accumulate(self._counts)), strict=True)),
            sum_value=self._sum,
        )
