"""Who acts, and who may see and steer what others run."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from dashboard.accounts.access import Forbidden, may, require, visible_servers
from dashboard.accounts.addresses import client_address
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.streams.errors import UnknownServer
from dashboard.streams.names import from_path, plain, to_path
from streams_admin.actions import gate
from streams_admin.actions.reads.targets import target_of
from streams_admin.audit.log import Caller
from streams_admin.models import AuditEntry, Operation, Plan

Row = TypeVar("Row", bound=Model)
NOT_TOLD = "Details hidden: they name a stream you may not see."


def caller_of(request: HttpRequest, via: str) -> Caller:
    """`via`: "page" or "api"."""
    return Caller(principal_of(request), via, client_address(request), request.headers.get("X-Forwarded-For", ""))


def operation_for(principal: Principal, number: UUID) -> Operation:
    """One's own, and everybody's for who may see the audit log of its stream. Raises Forbidden, or Http404.

    On a server of which the principal may not know, there are no operations either.
    """
    require(principal, Permission.SEE)
    found = Operation.objects.select_related("plan").filter(pk=number).first()
    if found is None or not may(principal, Permission.SEE, found.plan.server):
        raise Http404("There is no such operation.")
    if not found.plan.is_of(principal):
        require(principal, Permission.SEE_AUDIT, found.plan.server, from_path(found.plan.stream))
    return found


def may_steer(principal: Principal, found: Plan) -> bool:
    """Who may run such an action may pause and cancel it."""
    return may(principal, gate.resolve(found.action).permission, found.server, from_path(found.stream))


def steered_by(principal: Principal, number: UUID) -> Operation:
    """The operation, for who may pause and cancel it. Raises Forbidden, or Http404."""
    found = operation_for(principal, number)
    if not may_steer(principal, found.plan):
        raise Forbidden(gate.resolve(found.plan.action).permission, found.plan.server)
    return found


def visible(principal: Principal, found: Plan | AuditEntry) -> bool:
    """Whether the audit log of its stream is open to the principal."""
    return may(principal, Permission.SEE_AUDIT, found.server, from_path(found.stream))


def hidden_target(principal: Principal, found: Plan | AuditEntry) -> bytes | None:
    """The stream that entries were copied to, where the principal may see only the one they came from."""
    try:
        to = target_of(found.action, found.server, from_path(found.stream), found.params)
    except UnknownServer:
        return None  # nobody may see anything of it
    return None if to is None or may(principal, Permission.SEE, found.server, to) else to


def said(text: str, hidden: bytes | None, instead: str) -> str:
    """A sentence, or another where it names the hidden stream."""
    named = hidden is not None and any(spelt in text for spelt in (plain(hidden), to_path(hidden)))
    return instead if named else text


def open_to(principal: Principal, rows: QuerySet[Row], of: str = "") -> QuerySet[Row]:
    """The rows about streams whose audit log is open to the principal; what is not fills no page and no count.

    `of`: where server and stream stand, "plan__" for operations. Asks for each stream that something was done on.
    """
    servers = visible_servers(principal)
    for server in servers:
        here = {f"{of}server": server.name}
        known = rows.filter(**here).order_by().values_list(f"{of}stream", flat=True).distinct()
        shut = [path for path in known if not may(principal, Permission.SEE_AUDIT, server.name, from_path(path))]
        rows = rows.exclude(**here, **{f"{of}stream__in": shut}) if shut else rows
    return rows.filter(**{f"{of}server__in": [server.name for server in servers]})
