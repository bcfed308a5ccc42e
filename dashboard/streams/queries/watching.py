"""What the live reader asks beside XREAD: is each stream still the one it was, and did a group's figures move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.streams.errors import StreamError, Unreachable
from dashboard.streams.queries import Command, Query
from dashboard.streams.replies import Reply, facts, rows
from dashboard.streams.snapshots import StreamFacts


@dataclass(frozen=True, slots=True)
class Observation:
    """Who answered ("" where INFO is forbidden), and each stream, or why it cannot be read."""

    run_id: str
    streams: dict[bytes, StreamFacts | StreamError]


@dataclass(frozen=True)
class ObserveStreams(Query[Observation]):
    """The identity of the server and the facts of some streams. One XINFO STREAM each; Unreachable is raised."""

    streams: tuple[bytes, ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return self.streams

    def build(self) -> Sequence[Command]:
        return [("INFO", "server"), *(("XINFO", "STREAM", key) for key in self.streams)]

    def parse(self, replies: Sequence[Reply]) -> Observation:
        seen = {key: _facts_or_error(key, reply) for key, reply in zip(self.streams, replies[1:], strict=True)}
        return Observation(_run_id(replies[0]), seen)


Figures = tuple[tuple[str, str], ...]
"""What XINFO GROUPS says of one group, in a form that can be compared."""


@dataclass(frozen=True)
class GroupFigures(Query[dict[bytes, dict[bytes, Figures]]]):
    """XINFO GROUPS of some streams: the figures of every group. A stream that cannot be read has none."""

    streams: tuple[bytes, ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return self.streams

    def build(self) -> Sequence[Command]:
        return [("XINFO", "GROUPS", key) for key in self.streams]

    def parse(self, replies: Sequence[Reply]) -> dict[bytes, dict[bytes, Figures]]:
        return {key: _figures(reply) for key, reply in zip(self.streams, replies, strict=True)}


def _figures(reply: Reply) -> dict[bytes, Figures]:
    if isinstance(reply, StreamError):
        return {}
    return {r[b"name"]: tuple(sorted((str(k), str(v)) for k, v in r.items())) for r in rows(reply)}


def _facts_or_error(key: bytes, reply: Reply) -> StreamFacts | StreamError:
    if isinstance(reply, Unreachable):
        raise reply
    return reply if isinstance(reply, StreamError) else facts(key, reply)


def _run_id(reply: Reply) -> str:
    if isinstance(reply, Unreachable):
        raise reply
    if isinstance(reply, StreamError):
        return ""
    found = [line for line in reply.split(b"\r\n") if line.startswith(b"run_id:")]
    return found[0].removeprefix(b"run_id:").decode("ascii", "replace") if found else ""
