"""What can be chosen of every scenario."""

from __future__ import annotations

from dataclasses import dataclass

Role = str
"""One process of a system, like "producer" or "worker-2"; a worker's role is its consumer name."""


@dataclass(frozen=True)
class Options:
    """None means: the scenario's own default. Rates per second, times in seconds."""

    rate: float | None = None
    """Entries a second; 0: nothing new, the workers see to what is there."""
    workers: int | None = None
    users: int | None = None
    """Users, or devices where there are no users."""
    crash_after: float | None = None
    """The second worker kills itself then, with work in hand."""
    reclaim: bool = False
    """Workers take over what others left behind, also where the scenario leaves that to people."""
    reclaim_after: float | None = None
    """The same, after so many seconds. For carts: how long a projector may be silent before its carts are taken."""
    give_up_after: int = 5
    """Deliveries after which an entry goes to the dead-letter stream."""
    poison_rate: float = 0.0
    """Share of entries that nobody can handle, 0 to 1."""
    work_time: float = 1.0
    """How long handling takes, in times of the usual."""
    seed: int | None = None
    prefix: str = ""
    verbose: bool = False

    def rate_or(self, default: float) -> float:
        return default if self.rate is None else self.rate

    def workers_or(self, default: int) -> int:
        return default if self.workers is None else self.workers

    def users_or(self, default: int) -> int:
        return default if self.users is None else self.users

    def reclaim_or(self, default: float) -> float:
        return default if self.reclaim_after is None else self.reclaim_after

    def reclaim_if_asked(self, default: float) -> float | None:
        """For a scenario that leaves taking over to people unless it was asked for."""
        return default if self.reclaim and self.reclaim_after is None else self.reclaim_after

    def producers(self) -> list[Role]:
        return [] if self.rate == 0 else ["producer"]

    def key(self, name: str) -> str:
        return self.prefix + name
