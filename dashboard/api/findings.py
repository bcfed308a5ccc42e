"""What needs attention, on every server or on one; what was cleared; and muting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Body, P, PathEx, Query, Router
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from dashboard.accounts.access import visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.principals import Principal
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
    Start,
    Text,
    exact,
    figure,
    fleet_listing,
    iso_ms,
    listing,
    name,
)
from dashboard.display.format import iso
from dashboard.fleet.store import (
    RANK,
    REASON_MOST,
    WORDS,
    BadMute,
    Brief,
    Cleared,
    Finding,
    Located,
    OpenIncident,
    Severity,
    cleared,
    details,
    findings_for,
    freshen,
    mute,
    unmute,
)
from dashboard.http.answers import can_answer
from dashboard.http.params import BadParameter
from dashboard.http.scope import scope_of
from dashboard.streams.figures import Figure
from dashboard.streams.names import to_path

router = Router(tags=["findings"], exclude_unset=True)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_000
"""The last second of the calendar: IDs may be later."""
NOT_RECORDED = "Not recorded: the database has not taken it yet."


class MuteItem(BaseModel):
    """Who muted a finding, and why."""

    until: str = Field(description="when it ends: ISO 8601 in UTC; it ends at once if the finding gets worse")
    at: str = Field(description="when it was muted: ISO 8601 in UTC")
    by: str = Field(description="the user or token that muted it")
    reason: str = Field(description="the reason they gave")


class MuteState(BaseModel):
    """Whether a finding is muted."""

    muted: bool = Field(description="whether it is muted: the list and the count of the pages leave it out")
    mute: MuteItem | None = Field(description="until when, by whom and why; null if it is not muted")


class FindingItem(MuteState):
    """A finding."""

    id: str | None = Field(description="names the incident and stays the same while it lasts; null if not recorded yet")
    id_reason: str = Field("", description="why `id` is null; only present then")
    severity: Severity = Field(description="how severe it is; of one that cleared, the worst it was")
    kind: str = Field(description=f"its kind: {', '.join(f'`{kind}`' for kind in WORDS)}")
    server: ServerName
    stream: OptionalValue = Field(description="the stream; null if the finding is about the server")
    stream_path: str | None = Field(description="its path name")
    group: OptionalValue = Field(description="the group; null if the finding is not about a group")
    group_path: str | None = Field(description="its path name")
    consumer: OptionalValue = Field(description="the consumer; null if the finding is not about one consumer")
    consumer_path: str | None = Field(description="its path name")
    since: str | None = Field(description="since when, across restarts of Streamgauge: ISO 8601 in UTC")
    times: int = Field(description="how often it was found: more than 1 if it was gone for less than 10 minutes")
    cleared_at: str | None = Field(description="when it was over: ISO 8601 in UTC; null while it lasts")
    lasted_ms: Large | None = Field(None, description="how long it lasted; only present if it cleared")
    evidence: dict[str, Any] = Field(description="the numbers behind it")
    message: str = Field(description="the reason, in one sentence without a full stop")
    detail: str = Field(description="more details")
    count: Large | None = Field(description="how many entries are affected")
    count_reason: Reason = ""
    count_at_least: AtLeast = False
    count_approximate: Estimate = False


def _known(kind: str) -> str:
    """Raises ValueError."""
    if kind not in WORDS:
        raise ValueError(f"is not a kind of finding; allowed: {', '.join(WORDS)}.")
    return kind


Kind = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": sorted(WORDS)})]


class FindingsQuery(PageQuery):
    server: str = Field("", description="only on this server")
    keys: Text = Field("", max_length=1000, description="only on streams that match this pattern, like `orders:*`")
    kind: Kind | None = Field(None, description="only of this kind")
    severity: Severity | None = Field(None, description="only of this severity")
    muted: Literal["true", "false"] | None = Field(None, description="only those that are muted, or are not")
    cleared_since: Start | None = Field(
        None,
        description="those that cleared since then, the last first, instead of those that last: ISO 8601, or `-24h`",
    )

    def keeps(self, finding: Finding | Brief, *, is_muted: bool) -> bool:
        if self.keys and not (finding.stream is not None and fnmatchcase(finding.stream, self.keys.encode())):
            return False
        same = self.kind in (None, finding.kind) and self.severity in (None, finding.severity)
        return same and self.muted in (None, "true" if is_muted else "false")


class MuteBody(BaseModel):
    """Until when, and why."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime = Field(description="when it ends: ISO 8601 with a zone, at most 7 days from now")
    reason: Text = Field(min_length=1, max_length=REASON_MOST, description="the reason; everybody sees it")


IncidentId = PathEx[UUID, P(description="the `id` of a finding")]


@router.get(
    "/findings",
    response=FleetListing[FindingItem],
    openapi_extra=can_answer(404),
    summary="What needs attention",
)
def findings(request: HttpRequest, query: Query[FindingsQuery]) -> dict[str, Any]:
    """Servers that cannot be read, then the worst, then those that stand longest. From the last look at each server.

    With `cleared_since`: what was over since then, from the database.
    """
    principal = principal_of(request)
    watched = [scope_of(request, query.server).server] if query.server else visible_servers(principal)
    if query.cleared_since is not None:
        return _cleared_since(principal, query, EPOCH + timedelta(milliseconds=min(query.cleared_since.ms, LATEST_MS)))
    snapshots = [freshen(server) for server in watched]
    located = [
        each
        for each in findings_for(principal, server=query.server or None)
        if query.keeps(each.finding, is_muted=each.is_muted)
    ]
    found, onward = part(located, _place, cursor=query.cursor, limit=query.limit)
    return fleet_listing([_item(each) for each in found], snapshots, next=onward)


@router.post(
    "/findings/{uuid:incident}/mute",
    response=MuteState,
    openapi_extra=can_answer(404, 413),
    summary="Mute a finding",
)
def mute_finding(request: HttpRequest, incident: IncidentId, body: Body[MuteBody]) -> dict[str, Any]:
    """It is left out of the list and the count of the pages until then, or until it gets worse. Replaces a mute."""
    try:
        found = mute(principal_of(request), incident, body.until, body.reason)
    except BadMute as error:
        raise BadParameter("until", f"until is {body.until.isoformat()}. {error}") from error
    return _muted(found)


@router.delete(
    "/findings/{uuid:incident}/mute",
    response=MuteState,
    openapi_extra=can_answer(404),
    summary="End the mute of a finding",
)
def unmute_finding(request: HttpRequest, incident: IncidentId) -> dict[str, Any]:
    """Idempotent."""
    return _muted(unmute(principal_of(request), incident))


def _cleared_since(principal: Principal, query: FindingsQuery, since: datetime) -> dict[str, Any]:
    found = cleared(principal, since=since, server=query.server or None)
    kept = [each for each in found.items if query.keeps(each, is_muted=False)]
    items, onward = part(kept, _place_cleared, cursor=query.cursor, limit=query.limit)
    more = f"Only the last {len(found.items)} are listed." if found.at_least and onward is None else ""
    return listing([_item_cleared(each) for each in details(items)], next=onward, reason=found.error or more)


def _place_cleared(item: Brief) -> Place:
    return (-item.cleared_ms,), item.id.hex


def _item_cleared(item: Cleared) -> dict[str, Any]:
    over = {"cleared_at": iso(item.brief.cleared_at), "lasted_ms": exact(item.lasted_ms)}
    return {
        "id": str(item.brief.id),
        **over,
        "times": item.times,
        **_muted(None),
        **_said(item.server.name, item.finding),
    }


def _place(located: Located) -> Place:
    finding = located.finding
    names = (finding.stream or b"", finding.group or b"", finding.consumer or b"")
    where = "/".join([located.server.name, *map(to_path, names), finding.kind])
    return (int(finding.kind != "unreachable"), RANK[finding.severity], finding.since_ms), where


def _item(located: Located) -> dict[str, Any]:
    known = located.incident
    unknown = {"id": None, "id_reason": NOT_RECORDED, "times": 1}
    recorded = {"id": str(known.id), "times": known.times} if known else unknown
    return {**recorded, "cleared_at": None, **_muted(known), **_said(located.server.name, located.finding)}


def _muted(known: OpenIncident | None) -> dict[str, Any]:
    if known is None or known.mute is None or not known.is_muted:
        return {"muted": False, "mute": None}
    until_ms, at_ms, by, reason = known.mute
    return {"muted": True, "mute": {"until": iso_ms(until_ms), "at": iso_ms(at_ms), "by": by, "reason": reason}}


def _said(server: str, finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "kind": finding.kind,
        "server": server,
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
