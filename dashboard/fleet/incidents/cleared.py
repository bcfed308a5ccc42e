"""Incidents that are over, as one principal may see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from dashboard.accounts.access import may, may_all, visible_servers
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.display.format import epoch_ms
from dashboard.fleet.findings.model import Finding
from dashboard.fleet.incidents.rows import finding_of
from dashboard.models import Incident
from dashboard.streams import links

LOOKED_AT = 2000
"""Rows that one answer looks at: those of streams that are not open to the principal are left out."""
DAY = timedelta(days=1)


class Brief(NamedTuple):
    """What a list of them is filtered and ordered by. `severity`: the worst it had."""

    id: UUID
    server: str
    stream: bytes | None
    kind: str
    severity: str
    cleared_at: datetime

    @property
    def cleared_ms(self) -> int:
        return epoch_ms(self.cleared_at)


@dataclass(frozen=True, slots=True)
class Cleared:
    """An incident that is over. `finding`: as it was last, with the worst severity it had."""

    brief: Brief
    server: links.Server
    finding: Finding
    lasted_ms: int
    times: int


@dataclass(frozen=True, slots=True)
class ClearedList:
    """The last first. `at_least`: whether there may be more; `error`: why nothing is known, in a sentence."""

    items: tuple[Brief, ...]
    at_least: bool = False
    error: str = ""


def cleared(principal: Principal, *, since: datetime | None = None, server: str | None = None) -> ClearedList:
    """What was cleared since then, by default in the last 24 hours."""
    watched = [each.name for each in visible_servers(principal) if server in (None, each.name)]
    rows = Incident.objects.filter(server__in=watched, cleared_at__gte=since or timezone.now() - DAY)
    columns = rows.order_by("-cleared_at", "pk").values_list("pk", "server", "stream", "kind", "worst", "cleared_at")
    try:
        found = [_brief(*row) for row in columns[: LOOKED_AT + 1]]
    except DatabaseError as error:
        return ClearedList((), error=f"The database cannot be read: {error}")
    return ClearedList(_open_to(principal, found[:LOOKED_AT]), at_least=len(found) > LOOKED_AT)


def details(briefs: Sequence[Brief]) -> list[Cleared]:
    """All of these, but for one that has been deleted since, or is open again. Raises DatabaseError."""
    found = {row.pk: row for row in Incident.objects.filter(pk__in=[brief.id for brief in briefs])}
    return [_cleared(brief, found[brief.id]) for brief in briefs if brief.id in found and found[brief.id].cleared_at]


def _brief(id_: UUID, server: str, stream: Any, kind: str, worst: str, cleared_at: Any) -> Brief:
    return Brief(id_, server, None if stream is None else bytes(stream), kind, worst, cleared_at)


def _open_to(principal: Principal, found: Iterable[Brief]) -> tuple[Brief, ...]:
    every = {server.name for server in visible_servers(principal) if may_all(principal, Permission.SEE, server.name)}
    return tuple(
        brief
        for brief in found
        if brief.stream is None or brief.server in every or may(principal, Permission.SEE, brief.server, brief.stream)
    )


def _cleared(brief: Brief, row: Incident) -> Cleared:
    return Cleared(brief, links.get(row.server), finding_of(row, row.worst), row.lasted_ms or 0, row.times)
