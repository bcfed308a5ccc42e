"""Pages of operations: one that runs or ended, all of them, and how they are steered."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.accounts.access import require
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from streams_admin.errors import Conflict
from streams_admin.models import Operation
from streams_admin.operations import start
from streams_admin.operations.progress import Progress, rows, visible_figures
from streams_admin.operations.recheck import can_check, check_again
from streams_admin.permissions import NOT_TOLD, hidden_target, may_steer, open_to, operation_for, said, steered_by
from streams_admin.views.ways import form_again, place_of

PER_PAGE, OTHERS, SHOWN = 50, 5, 200
ELSEWHERE = {"already_acknowledged", "owner_changed", "not_found"}
"""Results of entries that a worker or another operation may have got."""


def operation(request: HttpRequest, id: UUID) -> HttpResponse:
    """One operation, running or ended."""
    principal = principal_of(request)
    found = operation_for(principal, id)
    hidden = hidden_target(principal, found.plan)
    context = {
        **place_of(found.plan),
        "operation": found,
        "sentence": said(found.plan.preview["sentence"], hidden, "Copies them to a stream you may not see."),
        "error": said(found.error, hidden, NOT_TOLD),
        "plan": found.plan,
        "progress": Progress.of(found, timezone.now()),
        "figures": rows(visible_figures(found, hidden)) if found.after else [],
        "mine": may_steer(principal, found.plan),
        "again": form_again(found.plan),
        "entries": found.entries[:SHOWN],
        "undone": [entry for entry in found.entries if entry[1] != "done"][:SHOWN] if found.over else [],
        "checkable": can_check(found),
        "others": _meanwhile(principal, found) if ELSEWHERE & found.results.keys() else [],
    }
    return render(request, "streamgauge_admin/operation.html", context)


def _meanwhile(principal: Principal, found: Operation) -> QuerySet[Operation]:
    """Others on this stream since the plan was made that the principal may see: who got what this one did not."""
    same = {"plan__server": found.plan.server, "plan__stream": found.plan.stream}
    before_the_end = Q() if found.ended is None else Q(created__lte=found.ended)
    open_since = Q(ended=None) | Q(ended__gte=found.plan.created)
    rows = Operation.objects.select_related("plan").filter(before_the_end, open_since, **same).exclude(pk=found.pk)
    return open_to(principal, rows, of="plan__").order_by("-created")[:OTHERS]


@require_POST
def steer(request: HttpRequest, id: str, wish: str) -> HttpResponse:
    """Pause, resume or cancel a running operation."""
    found = steered_by(principal_of(request), UUID(id))
    start.request_state(found, wish)
    return redirect("operation", found.pk)


@require_POST
def check(request: HttpRequest, id: UUID) -> HttpResponse:
    """Look again at entries whose outcome is unknown. Only reads. The page says what was found."""
    principal = principal_of(request)
    with suppress(Conflict):  # somebody else does, or did
        check_again(steered_by(principal, id), principal)
    return redirect("operation", id)


def operation_list(request: HttpRequest) -> HttpResponse:
    """Running ones first, then the latest."""
    principal = principal_of(request)
    require(principal, Permission.SEE_AUDIT)
    rows = open_to(principal, Operation.objects.select_related("plan"), of="plan__").order_by("-created")
    over = Q(state__in=Operation.OVER)
    page = Paginator(rows.filter(over), PER_PAGE).get_page(request.GET.get("page"))
    context = {"running": list(rows.exclude(over)), "ended": page.object_list, "page": page}
    return render(request, "streamgauge_admin/operations.html", context)
