"""What needs attention, on every server or on one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard.accounts.access import visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.api.paging import Place, part
from dashboard.api.shapes import (
    AtLeast,
    Estimate,
    FleetListing,
    Large,
    OptionalValue,
    PageQuery,
    Reason,
    ServerName,
    exact,
    figure,
    fleet_listing,
    iso_ms,
    name,
)
from dashboard.fleet.store import RANK, WORDS, Finding, Located, Severity, findings_for, freshen
from dashboard.http.answers import can_answer
from dashboard.http.scope import scope_of
from dashboard.streams.figures import Figure
from dashboard.streams.names import to_path

router = Router(tags=["findings"], exclude_unset=True)


class FindingItem(BaseModel):
    """A finding."""

    severity: Severity = Field(description="how severe it is")
    kind: str = Field(description=f"its kind: {', '.join(f'`{kind}`' for kind in WORDS)}")
    server: ServerName
    stream: OptionalValue = Field(description="the stream; null if the finding is about the server")
    stream_path: str | None = Field(description="its path name")
    group: OptionalValue = Field(description="the group; null if the finding is not about a group")
    group_path: str | None = Field(description="its path name")
    consumer: OptionalValue = Field(description="the consumer; null if the finding is not about one consumer")
    consumer_path: str | None = Field(description="its path name")
    since: str | None = Field(description="since when: ISO 8601 in UTC")
    evidence: dict[str, Any] = Field(description="the numbers behind it")
    message: str = Field(description="the reason, in one sentence without a full stop")
    detail: str = Field(description="more details")
    count: Large | None = Field(description="how many entries are affected")
    count_reason: Reason = ""
    count_at_least: AtLeast = False
    count_approximate: Estimate = False


class FindingsQuery(PageQuery):
    server: str = Field("", description="only on this server")


@router.get(
    "/findings",
    response=FleetListing[FindingItem],
    openapi_extra=can_answer(404),
    summary="What needs attention",
)
def findings(request: HttpRequest, query: Query[FindingsQuery]) -> dict[str, Any]:
    """Servers that cannot be read, then the worst, then those that stand longest. From the last look at each server."""
    watched = [scope_of(request, query.server).server] if query.server else visible_servers(principal_of(request))
    snapshots = [freshen(server) for server in watched]
    located = findings_for(principal_of(request), server=query.server or None)
    found, onward = part(located, _place, cursor=query.cursor, limit=query.limit)
    return fleet_listing([_item(each) for each in found], snapshots, next=onward)


def _place(located: Located) -> Place:
    finding = located.finding
    names = (finding.stream or b"", finding.group or b"", finding.consumer or b"")
    where = "/".join([located.server.name, *map(to_path, names), finding.kind])
    return (int(finding.kind != "unreachable"), RANK[finding.severity], finding.since_ms), where


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
        "evidence": {name: _exact(value) for name, value in finding.evidence.items()},
        "message": finding.message,
        "detail": finding.detail,
        **figure("count", _count(finding)),
    }


def _exact(value: object) -> object:
    return exact(value) if isinstance(value, int | float) else value


def _count(finding: Finding) -> Figure:
    if finding.count is None:
        return Figure(None, "The number of entries is not known.")
    return Figure(finding.count, approximate=finding.count_about, at_least=finding.count_least)


def _named(what: str, found: bytes | None) -> dict[str, Any]:
    if found is None:
        return {what: None, f"{what}_path": None}
    return {what: name(found), f"{what}_path": to_path(found)}
