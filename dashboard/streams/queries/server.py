"""What a server says of itself that matters to streams: its memory, and which errors it has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.streams.capabilities import ROLES
from dashboard.streams.errors import Unreachable
from dashboard.streams.queries.base import Command, Query
from dashboard.streams.replies import Reply, info
from dashboard.streams.snapshots import Role

REFUSALS = ("OOM", "MISCONF", "NOREPLICAS")
"""Errors by which a server refuses writes."""


OWN = "cmdstat_info"


@dataclass(frozen=True, slots=True)
class Replication:
    """`replicas` that follow it. Of a replica: its `primary` as host:port, and whether the link to it is up."""

    role: Role = "unknown"
    replicas: int | None = None
    primary: str = ""
    in_step: bool | None = None


@dataclass(frozen=True, slots=True)
class Persistence:
    """What a restart would bring back. None where the server does not say.

    `saved_at`: epoch seconds of the last snapshot that was written, 0 for never; `saves`: whether the last try worked.
    """

    saved_at: int | None = None
    saves: bool | None = None
    append_only: bool | None = None
    appends: bool | None = None


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """None and {} where INFO is forbidden or does not tell. `errors`: counts since the server began, by code.

    `memory_bytes` is what counts against `maxmemory_bytes`; 0 of those: no limit. `blocked`: of the clients, those that
    wait in a blocking command.
    """

    memory_bytes: int | None = None
    maxmemory_bytes: int | None = None
    memory_policy: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)
    uptime_s: int | None = None
    clients: int | None = None
    blocked: int | None = None
    max_clients: int | None = None
    replication: Replication = Replication()
    persistence: Persistence = Persistence()

    @property
    def refused(self) -> int:
        """Writes that it has refused since it began: no memory, cannot save, too few replicas."""
        return sum(self.errors.get(code, 0) for code in REFUSALS)

    @property
    def full(self) -> bool:
        """Whether it refuses what needs memory: at its limit, and it evicts nothing. False where that is unknown."""
        at_limit = bool(self.maxmemory_bytes) and (self.memory_bytes or 0) >= (self.maxmemory_bytes or 0)
        return at_limit and self.memory_policy == "noeviction"


SECTIONS = ("memory", "errorstats", "server", "clients", "replication", "persistence")


@dataclass(frozen=True)
class ServerQuery(Query[ServerFigures]):
    """Some sections of INFO; what is in others stays unknown. Raises Unreachable."""

    sections: tuple[str, ...] = SECTIONS

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[Command]:
        return [("INFO", section) for section in self.sections]

    def parse(self, replies: Sequence[Reply]) -> ServerFigures:
        found = {name: value for reply in replies for name, value in _lines(reply).items()}
        counts = {
            name.removeprefix("errorstat_"): int(value.removeprefix("count="))
            for name, value in found.items()
            if name.startswith("errorstat_")
        }
        used, most = _number(found, "used_memory"), _number(found, "maxmemory")
        if used is not None:  # buffers of replicas and of the append-only file do not count
            used = max(0, used - (_number(found, "mem_not_counted_for_evict") or 0))
        return ServerFigures(
            memory_bytes=used,
            maxmemory_bytes=most,
            memory_policy=found.get("maxmemory_policy", ""),
            errors=counts,
            uptime_s=_number(found, "uptime_in_seconds"),
            clients=_number(found, "connected_clients"),
            blocked=_number(found, "blocked_clients"),
            max_clients=_number(found, "maxclients"),
            replication=_replication(found),
            persistence=_persistence(found),
        )


def _replication(found: Mapping[str, str]) -> Replication:
    primary = f"{found.get('master_host', '')}:{found.get('master_port', '')}" if "master_host" in found else ""
    return Replication(
        role=ROLES.get(found.get("role", ""), "unknown"),
        replicas=_number(found, "connected_slaves"),
        primary=primary,
        in_step=_is(found, "master_link_status", "up"),
    )


def _persistence(found: Mapping[str, str]) -> Persistence:
    return Persistence(
        saved_at=_number(found, "rdb_last_save_time"),
        saves=_is(found, "rdb_last_bgsave_status", "ok"),
        append_only=_is(found, "aof_enabled", "1"),
        appends=_is(found, "aof_last_write_status", "ok"),
    )


def _is(found: Mapping[str, str], name: str, value: str) -> bool | None:
    return found[name] == value if name in found else None


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
