"""What kind of server answers, what it can do, and which part it plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.streams.capabilities import PROBE, Probe, parse_probe, parse_role
from dashboard.streams.queries.base import Command, Query
from dashboard.streams.replies import Reply


@dataclass(frozen=True)
class ProbeQuery(Query[Probe]):
    """INFO and COMMAND INFO in one round trip; ROLE too where INFO is forbidden. What is refused stays unknown."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    def build(self) -> Sequence[Command]:
        return PROBE

    def parse(self, replies: Sequence[Reply]) -> Probe:
        return parse_probe(replies)

    def then(self, value: Probe) -> Query[Probe] | None:
        return _RoleQuery(value) if value.facts.role == "unknown" else None


@dataclass(frozen=True)
class _RoleQuery(Query[Probe]):
    probed: Probe

    @property
    def keys(self) -> tuple[bytes, ...]:
        return ()

    @property
    def optional(self) -> bool:
        return True

    def build(self) -> Sequence[Command]:
        return [("ROLE",)]

    def parse(self, replies: Sequence[Reply]) -> Probe:
        role, reason = parse_role(replies[0])
        return replace(self.probed, facts=replace(self.probed.facts, role=role, role_reason=reason))
