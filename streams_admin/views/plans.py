"""Pages of plans: ask for one, look at it, run it."""

from __future__ import annotations

from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.accounts.access import require, server_for
from dashboard.accounts.permissions import Permission
from dashboard.config.active import configured
from dashboard.display.format import plural
from dashboard.display.rows import pending_row, sight
from dashboard.http.params import BadParameter, choice, entry_id, entry_ids, flag, names, whole
from dashboard.http.params import name as name_param
from dashboard.streams.links import Server
from dashboard.streams.names import from_path, plain
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import BATCH, ActionContext, AnyContext
from streams_admin.audit.log import Caller
from streams_admin.errors import ActionError, BadParameters
from streams_admin.models import Plan
from streams_admin.operations import start
from streams_admin.params.address import Address
from streams_admin.params.selection import Filter
from streams_admin.permissions import (
    caller_of,
)
from streams_admin.views.command_panel import panel
from streams_admin.views.refusals import refusals
from streams_admin.views.samples import sample
from streams_admin.views.ways import instead, place_of, query_of

DUTIES = ("10", "25", "50", "100")
"""Percent of the time that a large operation may spend in commands, as a page offers it."""


@refusals
def do(request: HttpRequest, server: str, stream: bytes, action: str) -> HttpResponse:
    """The form of an action; a POST makes the plan."""
    caller = caller_of(request, "page")
    verb = gate.resolve(action)
    watched = server_for(caller.principal, server)
    require(caller.principal, Permission.SEE, server, stream)
    door = _admit(caller, watched, stream, action, request.GET)
    if verb.about == "pending" and door.ctx.params.group is None:
        raise BadParameters("group is missing: name the group whose pending entries are meant.")
    form = verb.form(door.ctx, request.POST if request.method == "POST" else None)
    status = 400 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            return _to(plans.make(door.submit(verb.from_form(door.ctx, form))))
        except ActionError as refused:
            form.add_error(None, refused.message)
            status = refused.status
    return _show_form(request, door.ctx, verb, form, status)


def _admit(caller: Caller, server: Server, stream: bytes, action: str, query: QueryDict) -> gate.AdmittedForm:
    """Who may not act does not learn what is wrong with the address either."""
    try:
        address = address_of(query)
    except BadParameter:
        gate.admit_form(caller, server, stream, action, {})
        raise
    return gate.admit_form(caller, server, stream, action, address)


def _to(made: Plan) -> HttpResponse:
    return redirect("plan", plans.token(made))


def _show_form(
    request: HttpRequest, ctx: ActionContext[Address], verb: AnyAction, form: Form, status: int
) -> HttpResponse:
    context = {
        "server": ctx.server,
        "key": ctx.key,
        "group": ctx.params.group,
        "action": verb,
        "form": form,
        "heading": heading(verb, ctx.params),
        "which": which_words(ctx.params) if verb.about in ("pending", "entries") else "",
        "caution": getattr(form, "caution", None),
        "instead": instead(ctx, getattr(form, "instead", ""), request.GET.urlencode(), verb.slug),
    }
    return render(request, "streamgauge_admin/do.html", context, status=status)


def address_of(query: QueryDict) -> dict[str, object]:
    """What a page's address says, unchecked: `group`, and ticked `id`s or, with `all`, the filters that were set."""
    found: dict[str, object] = {}
    group = name_param(query, "group")
    if group is not None:
        found["group"] = query["group"]
    ids = [str(id_) for id_ in entry_ids(query, "id")]
    if flag(query, "all") or not ids:
        names(query, "consumer")
        chosen: dict[str, object] = {"consumer": query["consumer"]} if query.get("consumer") else {}
        for key in ("min_idle_ms", "min_deliveries"):
            if whole(query, key, 0):
                chosen[key] = whole(query, key, 0)
        for key in ("start", "end"):
            if entry_id(query, key):
                chosen[key] = query[key]
        return {**found, "filter": chosen} if "group" in found or chosen else found
    return {**found, "ids": ids}


def heading(verb: AnyAction, address: Address) -> str:
    """What the form is about: the action, with how many entries where they are counted."""
    word = verb.label.removesuffix("…").removesuffix(" entries")
    if verb.about not in ("pending", "entries"):
        return word
    if address.ids:
        return f"{word} {plural(len(address.ids), 'entry', 'entries')}"
    return f"{word} pending entries" if verb.about == "pending" else f"{word} entries"


def which_words(address: Address) -> str:
    """Which entries are meant, for the form."""
    if address.ids:
        count = len(address.ids)
        return "the selected entry" if count == 1 else f"the {count:,} selected entries"
    chosen = address.filter or Filter()
    who = "" if chosen.consumer is None else f" with {plain(chosen.consumer)}"
    rest = " matching the filters" if chosen != Filter(consumer=chosen.consumer) else ""
    return f"all pending entries{who}{rest}" if address.group is not None else "entries"


@refusals
def plan(request: HttpRequest, token: str) -> HttpResponse:
    """A plan; a POST runs it."""
    caller = caller_of(request, "page")
    found = plans.find(token, caller.principal)
    if request.method == "POST":
        return _run(request, caller, found)
    if found.used:
        return redirect("operation", found.operation.pk)
    plans.check_fresh(found)
    return _show(request, caller, found)


@require_POST
@refusals
def plan_again(request: HttpRequest, token: str) -> HttpResponse:
    """The same again, as the world is now: a new plan of the same parameters."""
    caller = caller_of(request, "page")
    found = plans.find(token, caller.principal)
    watched = server_for(caller.principal, found.server)
    key = from_path(found.stream)
    return _to(plans.prepare(caller, watched, key, found.action, found.params))


def _run(request: HttpRequest, caller: Caller, found: Plan) -> HttpResponse:
    # PostgreSQL keeps no zero byte, and nobody types one.
    confirm, reason = request.POST.get("confirm", ""), request.POST.get("reason", "").replace("\0", "")[:2000]
    try:
        duty = int(choice(request.POST, "duty", ["", *DUTIES], "") or 0)
        operation = start.begin(caller, found, confirm=confirm, reason=reason, duty=duty)
    except ActionError as refused:
        if refused.status == 400:
            return _show(request, caller, found, error=refused.message, reason=reason)
        raise
    return redirect("operation", operation.pk)


def _is_large(found: Plan) -> bool:
    """Whether it goes on after the request, at a pace that can be chosen."""
    total = found.preview["total"]
    return total is None or total > BATCH or found.preview["least"]


def _show(request: HttpRequest, caller: Caller, found: Plan, error: str = "", reason: str = "") -> HttpResponse:
    action = gate.resolve(found.action)
    ctx, query = gate.context_of(found, caller.principal), query_of(found)
    seen = sight(caller.principal, found.server, ctx.key)
    context = {
        **place_of(found),
        "token": plans.token(found),
        "about": action.about,
        "plan": found,
        "preview": found.preview,
        "notes": [
            (note, instead(ctx, note.get("instead", ""), query, found.action)) for note in found.preview["notes"]
        ],
        "literal": action.literal,
        "commands": panel(found.preview, found.params),
        "sample": [pending_row(entry, seen) for entry in sample(found)],
        "error": error,
        "duties": DUTIES if _is_large(found) else (),
        "duty": str(configured().operation_duty),
        "reason": reason,
        "expires_ms": int(found.expires.timestamp() * 1000),
        "irreversible": action.irreversible,
        "download": _download(found, action, ctx) if seen.may_read else "",
        "left_s": max(0, int((found.expires - timezone.now()).total_seconds())),
    }
    return render(request, "streamgauge_admin/plan.html", context, status=400 if error else 200)


def _download(found: Plan, action: AnyAction, ctx: AnyContext) -> str:
    """Where the entries that would go can be kept; "" when none go."""
    goes = action.affected(ctx, gate.seen_of(found)) is not None
    return reverse("plan_entries", args=[plans.token(found)]) if goes else ""
