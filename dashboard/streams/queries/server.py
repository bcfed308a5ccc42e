"""What a server says of itself that matters to streams: its memory, and which errors it has answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboard.streams.errors import StreamError, Unreachable
from dashboard.streams.queries.base import Command, Query
from dashboard.streams.replies import Reply


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """None and {} where INFO is forbidden or does not tell. `errors`: counts since the server began, by code."""

    memory_bytes: int | None = None
    maxmemory_bytes: int | None = None
    memory_policy: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)


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
        return ServerFigures(used, most, memory.get("maxmemory_policy", ""), counts)


def _lines(reply: Reply) -> dict[str, str]:
    if isinstance(reply, Unreachable):
        raise reply
    if isinstance(reply, StreamError):
        return {}
    lines = reply.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _number(found: Mapping[str, str], name: str) -> int | None:
    return int(found[name]) if found.get(name, "").isdigit() else None
