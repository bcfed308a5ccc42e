"""Plan, run, follow and look up what was done, as JSON: the acting part of /api/v1, mounted by `dashboard.api.site`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Body, HeaderEx, P, PathEx, Query, Router
from ninja.errors import HttpError
from ninja.responses import Status
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from dashboard.accounts.access import require, server_for, visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.api import shapes
from dashboard.api.shapes import End, Listing, PageQuery, Start, Text, listing
from dashboard.http.answers import can_answer
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.api import shapes as wire
from streams_admin.api.plan_requests import PlanBody
from streams_admin.api.shapes import AuditItem, OperationItem, PlanItem
from streams_admin.audit.filters import of_stream, within
from streams_admin.errors import ActionError, BadParameters
from streams_admin.models import AuditEntry
from streams_admin.operations import start as operations
from streams_admin.params.base import Spelling
from streams_admin.params.kinds import name_of
from streams_admin.permissions import caller_of, operation_for, steered_by, visible
from streams_admin.views import downloads, exports

router = Router(tags=["actions"])
LOOKED = 2000
"""Lines of the audit log one answer looks at; those of streams that are not open to the principal are left out."""

IDEMPOTENCY = "any string; repeat it on a retry and the plan runs only once"

View = Callable[..., Any]
PlanToken = PathEx[str, P(description="the `plan` of the answer that created it")]
OperationId = PathEx[UUID, P(description="the `operation` of the answer that started it")]
Wish = PathEx[Literal["cancel", "pause", "resume"], P(description="the command")]
Filter = Annotated[Text, Field(max_length=1000)]


class Go(BaseModel):
    """What a plan needs to be run."""

    model_config = ConfigDict(extra="forbid")

    confirm: Text = Field("", max_length=10_000, description="the text that the plan requires as `confirm`")
    reason: Text = Field("", max_length=2000, description="the reason, recorded in the audit log")
    duty: int = Field(0, ge=0, le=100, description="percent of the time that a large operation may spend in commands")


class Begun(BaseModel):
    """What runs, or ran already."""

    operation: str = Field(description="follow it at `/operations/{id}`")
    state: str = Field(description="its state: `done` at once if it was small")


class AuditFilters(shapes.Query):
    """Which lines."""

    who: Filter = Field("", description="only by this user or token")
    server: Filter = Field("", description="only on this server")
    stream: Filter = Field("", description="only on this stream: its path name")
    action: Filter = Field("", description="only this action")
    outcome: Filter = Field("", description="only this outcome")
    via: Filter = Field("", description="only from this source: `page`, `api` or `command`")
    operation: UUID | None = Field(None, description="only of this operation")
    start: Start | None = Field(None, description="not before this time: ISO 8601, or like 14:05, yesterday 09:00, -2h")
    end: End | None = Field(None, description="not after this time: as for `start`")

    def conditions(self) -> dict[str, Any]:
        """As a query set takes them."""
        plainly = self.model_dump(exclude={"limit", "cursor", "start", "end"}, exclude_defaults=True)
        stream = of_stream(plainly.pop("stream")) if "stream" in plainly else {}
        return {**plainly, **stream, **within(self.start, self.end)}


class AuditQuery(AuditFilters, PageQuery):
    """Which part of them."""

    cursor: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,18}$"})] = Field(
        "", description="`next` of the previous page"
    )


def refusals(view: View) -> View:
    """A refusal is a problem with its status and its sentence."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except ActionError as refused:
            raise HttpError(refused.status, refused.message) from refused

    return guarded


def _file(said: str, kind: str = "application/jsonl", *, problems: tuple[int, ...] = ()) -> dict[str, Any]:
    """What the description of the API says of an answer that is a file."""
    file = {"description": said, "content": {kind: {"schema": {"type": "string"}}}}
    return {"responses": {200: file, **can_answer(*problems)["responses"]}}


@router.post(
    "/plans",
    response={201: PlanItem},
    exclude_unset=True,
    openapi_extra=can_answer(404, 409, 413, 429, 503),
    summary="Plan an action: see what it would do",
)
@refusals
def make_plan(request: HttpRequest, order: PlanBody) -> Status[Any]:
    """Changes nothing. The plan runs once, within two minutes, and only while what it saw still holds."""
    caller = caller_of(request, "api")
    server = server_for(caller.principal, order.server)
    key = name_of("stream", order.stream)
    admitted = gate.admit(caller, server, key, order.action, order.params, Spelling.VALUES)
    return Status(201, wire.plan_item(plans.make(admitted), admitted))


@router.post(
    "/plans/{plan}/run",
    response={202: Begun},
    openapi_extra=can_answer(404, 409, 410, 413, 429, 503),
    summary="Run a plan",
)
@refusals
def run(
    request: HttpRequest,
    plan: PlanToken,
    go: Body[Go | None] = None,
    idempotency_key: HeaderEx[str, P(alias="Idempotency-Key", max_length=255, description=IDEMPOTENCY)] = "",
) -> Status[Any]:
    """Asked again for the same plan: the operation that runs or ran. An Idempotency-Key is for one plan."""
    caller, go = caller_of(request, "api"), go or Go(confirm="", reason="", duty=0)
    found = plans.find(plan, caller.principal)
    operation = operations.begin(caller, found, confirm=go.confirm, reason=go.reason, key=idempotency_key, duty=go.duty)
    return Status(202, {"operation": str(operation.pk), "state": operation.state})


@router.get(
    "/plans/{plan}/entries.jsonl",
    openapi_extra=_file(
        "one entry per line, then one line that says whether these are all", problems=(404, 409, 410, 503)
    ),
    summary="The entries that a plan would remove",
)
@refusals
def plan_entries(request: HttpRequest, plan: PlanToken) -> StreamingHttpResponse:
    """JSON Lines, for who made the plan and may read payloads; values are never cut."""
    return downloads.entries_of(principal_of(request), plan)


@router.get(
    "/operations/{uuid:id}",
    response=OperationItem,
    exclude_unset=True,
    openapi_extra=can_answer(404),
    summary="The state of an operation",
)
def operation(request: HttpRequest, id: OperationId) -> dict[str, Any]:
    """One's own operations, and everybody's for who may see the audit log of the stream."""
    principal = principal_of(request)
    return wire.operation_item(operation_for(principal, id), principal)


@router.get(
    "/operations/{uuid:id}/results.jsonl",
    openapi_extra=_file("one entry per line with its result, then one line with the counts", problems=(404,)),
    summary="The result of every entry",
)
def operation_results(request: HttpRequest, id: OperationId) -> StreamingHttpResponse:
    """JSON Lines, for who may see the operation."""
    return downloads.results(request, id)


@router.post(
    "/operations/{uuid:id}/{wish}",
    response=OperationItem,
    exclude_unset=True,
    openapi_extra=can_answer(404, 409, 413),
    summary="Cancel, pause or resume",
)
def steer(request: HttpRequest, id: OperationId, wish: Wish) -> dict[str, Any]:
    """Obeyed between two batches. What is over stays as it is."""
    principal = principal_of(request)
    found = steered_by(principal, id)
    operations.request_state(found, wish)
    found.refresh_from_db()
    return wire.operation_item(found, principal)


@router.get("/audit", response=Listing[AuditItem], exclude_unset=True, summary="What was done, denied and refused")
@refusals
def audit(request: HttpRequest, query: Query[AuditQuery]) -> dict[str, Any]:
    """Newest first; only lines about streams whose audit log is open to the asker. All of them: `/audit.jsonl`."""
    principal = principal_of(request)
    require(principal, Permission.SEE_AUDIT)
    found, onward = _part(_lines(principal, query), principal, query.limit)
    return listing([wire.audit_item(line, principal) for line in found], next=onward)


@router.get("/audit.jsonl", openapi_extra=_file("one record per line, oldest first"), summary="The audit log as a file")
def audit_jsonl(request: HttpRequest, query: Query[AuditFilters]) -> StreamingHttpResponse:
    """JSON Lines: all that match, each as an item of `/audit`; only lines that are open to the asker."""
    return exports.as_jsonl(principal_of(request), query.conditions())


@router.get(
    "/audit.csv",
    openapi_extra=_file("one record per row, oldest first", "text/csv"),
    summary="The audit log as CSV",
)
def audit_csv(request: HttpRequest, query: Query[AuditFilters]) -> StreamingHttpResponse:
    """The same as CSV; what a spreadsheet would take for a formula begins with an apostrophe."""
    return exports.as_csv(principal_of(request), query.conditions())


def _part(lines: QuerySet[AuditEntry], principal: Principal, limit: int) -> tuple[list[AuditEntry], str | None]:
    """The lines of one answer, and the cursor of what may be left."""
    found: list[AuditEntry] = []
    last = 0
    for count, line in enumerate(lines.iterator(), 1):
        if len(found) == limit or count > LOOKED:
            return found, str(last)
        last = line.pk
        found += [line] if visible(principal, line) else []
    return found, None


def _lines(principal: Principal, query: AuditQuery) -> QuerySet[AuditEntry]:
    here = [server.name for server in visible_servers(principal)]
    rows = AuditEntry.objects.filter(server__in=here).filter(**query.conditions())
    return (rows.filter(pk__lt=_number(query.cursor)) if query.cursor else rows).order_by("-pk")


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise BadParameters(f"cursor is {cursor[:40]!r}; allowed: the `next` of the previous page.")
    return int(cursor)
