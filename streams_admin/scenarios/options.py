"""What can be chosen of every scenario."""

from __future__ import annotations

from dataclasses import dataclass

Role = str
"""One process of a system, like "producer" or "worker-2"; a worker's role is its consumer name."""


@dataclass(frozen=True)
class Options:
    """None means: the scenario's own default. Rates per second, times in seconds."""

    rate: float | None = None
    workers: int | None = None
    users: int = 20
    crash_after: float | None = None
    reclaim_after: float | None = None
    poison_rate: float = 0.0
    seed: int | None = None
    prefix: str = ""

    def rate_or(self, default: float) -> float:
        return default if self.rate is None else self.rate

    def workers_or(self, default: int) -> int:
        return default if self.workers is None else self.workers

    def key(self, name: str) -> str:
        return self.prefix + name
