"""The page of the audit log: what was done, runs, was denied or refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.accounts.access import require, visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from streams_admin.actions.registry import ALL
from streams_admin.audit import attempts
from streams_admin.audit.filters import chosen, conditions
from streams_admin.audit.spans import Span, last_lines, spans
from streams_admin.models import AuditEntry
from streams_admin.operations.outcomes import WORDS, Outcome
from streams_admin.permissions import NOT_TOLD, hidden_target, open_to, said

PER_PAGE = 50
WAYS = ("page", "api", "command")
"""How somebody may act, as a line of the log has it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A run or an attempt: when it began, how it ended, what went wrong, and what was tried if nothing was done."""

    line: AuditEntry
    began: datetime
    outcome: Outcome
    detail: str
    tried: str


def audit_log(request: HttpRequest) -> HttpResponse:
    """A row for each run, with what is known of it so far, and for each attempt; the latest first."""
    principal = principal_of(request)
    require(principal, Permission.SEE_AUDIT)
    lines = last_lines(open_to(principal, AuditEntry.objects.order_by("-pk")))
    filters = chosen(request.GET)
    page = Paginator(lines.filter(**conditions(request.GET)), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": [_row(span, hidden_target(principal, span.line)) for span in spans(page.object_list)],
        "page": page,
        "filters": filters,
        "actions": list(ALL),
        "outcomes": WORDS,
        "ways": WAYS,
        "servers": _names(principal),
        "query": urlencode(filters),
    }
    return render(request, "streamgauge_admin/audit.html", context)


def _row(span: Span, hidden: bytes | None) -> Row:
    """The group stands with the stream."""
    line = span.line
    unsaid = {"group", "to"} if hidden is not None else {"group"}
    shown = line.params if line.outcome in ("denied", "refused") else {}
    tried = attempts.words({name: value for name, value in shown.items() if name not in unsaid})
    return Row(line, span.began, span.outcome, said(line.detail, hidden, NOT_TOLD), tried)


def _names(principal: Principal) -> list[str]:
    return [server.name for server in visible_servers(principal)]
