"""What a server says of itself that matters to streams: its memory, and which errors it has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.streams.errors import Unreachable
from dashboard.streams.queries.base import Command, Query
from dashboard.streams.replies import Reply, info

REFUSALS = ("OOM", "MISCONF", "NOREPLICAS")
"""Errors by which a server refuses writes."""


OWN = "cmdstat_info"


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """None and {} where INFO is forbidden or does not tell. `errors`: counts since the server began, by code.

    `memory_bytes` is what counts against `maxmemory_bytes`; 0 of those: no limit.
    """

    memory_bytes: int | None = None
    maxmemory_bytes: int | None = None
    memory_policy: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """Writes that it has refused since it began: no memory, cannot save, too few replicas."""
        return sum(self.errors.get(code, 0) for code in REFUSALS)

    @property
    def full(self) -> bool:
        """Whether it refuses what needs memory: at its limit, and it evicts nothing. False where that is unknown."""
        at_limit = bool(self.maxmemory_bytes) and (self.memory_bytes or 0) >= (self.maxmemory_bytes or 0)
        return at_limit and self.memory_policy == "noeviction"


@dataclass(frozen=True)
class ServerQuery(Query[ServerFigures]):
    """Two sections of INFO. Raises Unreachable."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[Command]:
        return [("INFO", "memory"), ("INFO", "errorstats")]

    def parse(self, replies: Sequence[Reply]) -> ServerFigures:
        memory, errors = _lines(replies[0]), _lines(replies[1])
        counts = {
            name.removeprefix("errorstat_"): int(value.removeprefix("count="))
            for name, value in errors.items()
            if name.startswith("errorstat_") and value.removeprefix("count=").isdigit()
        }
        used, most = _number(memory, "used_memory"), _number(memory, "maxmemory")
        if used is not None:  # buffers of replicas and of the append-only file do not count
            used = max(0, used - (_number(memory, "mem_not_counted_for_evict") or 0))
        return ServerFigures(used, most, memory.get("maxmemory_policy", ""), counts)


@dataclass(frozen=True)
class ServedQuery(Query[float | None]):
    """Seconds of all commands carried out so far, but for those that tell of it; None where the server does not say."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[Command]:
        return [("INFO", "commandstats")]

    def parse(self, replies: Sequence[Reply]) -> float | None:
        found = _lines(replies[0])
        spent = [_usec(value) for name, value in found.items() if name.startswith("cmdstat_") and name != OWN]
        return sum(spent) / 1_000_000 if spent else None


def _usec(stats: str) -> int:
    """Of `calls=1,usec=2,...`."""
    number = stats.partition("usec=")[2].partition(",")[0]
    return int(number) if number.isdigit() else 0


def _lines(reply: Reply) -> dict[str, str]:
    if isinstance(reply, Unreachable):
        raise reply
    return info(reply)


def _number(found: Mapping[str, str], name: str) -> int | None:
    return int(found[name]) if found.get(name, "").isdigit() else None
