"""What needs attention, on every server or on one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel

from dashboard.access import actor_of, visible_servers
from dashboard.api.paging import Place, part
from dashboard.api.shapes import FleetListing, PageQuery, Value, fleet_listing, iso_ms, name, number
from dashboard.asked import asked
from dashboard.fleet.findings import RANK, Severity
from dashboard.fleet.reading import Located, findings_for
from dashboard.fleet.sampler import freshen
from dashboard.names import to_path

router = Router(tags=["findings"])


class FindingItem(BaseModel):
    """A finding. `message` is the reason in one sentence, `detail` what else is known, `evidence` the numbers."""

    severity: Severity
    kind: str
    server: str
    stream: Value
    stream_path: str
    group: Value
    group_path: str | None
    consumer: Value
    consumer_path: str | None
    since: str | None
    evidence: dict[str, Any]
    message: str
    detail: str
    count: int | None
    count_reason: str = ""


class FindingsQuery(PageQuery):
    server: str = ""


@router.get("/findings", response=FleetListing[FindingItem], exclude_unset=True, summary="What needs attention")
def findings(request: HttpRequest, query: Query[FindingsQuery]) -> dict[str, Any]:
    """Worst first, then those that stand longest. From the last look at each server."""
    watched = [asked(request, query.server).server] if query.server else visible_servers(actor_of(request))
    snapshots = [freshen(server) for server in watched]
    located = findings_for(actor_of(request), server=query.server or None)
    found, onward = part(located, _place, cursor=query.cursor, limit=query.limit)
    return fleet_listing([_item(each) for each in found], snapshots, next=onward)


def _place(located: Located) -> Place:
    finding = located.finding
    names = (finding.stream, finding.group or b"", finding.consumer or b"")
    where = "/".join([located.server.name, *map(to_path, names), finding.kind])
    return (RANK[finding.severity], finding.since_ms), where


def _item(located: Located) -> dict[str, Any]:
    finding = located.finding
    return {
        "severity": finding.severity,
        "kind": finding.kind,
        "server": located.server.name,
        **_named("stream", finding.stream),
        **_named("group", finding.group),
        **_named("consumer", finding.consumer),
        "since": iso_ms(finding.since_ms),
        "evidence": finding.evidence,
        "message": finding.message,
        "detail": finding.detail,
        **number("count", finding.count, "It is not about a number of entries that is known."),
    }


def _named(what: str, found: bytes | None) -> dict[str, Any]:
    if found is None:
        return {what: None, f"{what}_path": None}
    return {what: name(found), f"{what}_path": to_path(found)}
