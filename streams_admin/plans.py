"""Plan, then run: a plan is a look at what would be done, signed, bound to who asked and to what was seen."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from dashboard.accounts.access import Forbidden, may
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.links import Server
from dashboard.streams.names import from_path, to_path
from streams_admin.actions.base import Action, ActionContext, Note
from streams_admin.actions.reads.targets import with_target
from streams_admin.actions.registry import ALL
from streams_admin.audit import log
from streams_admin.audit.log import Caller, Line
from streams_admin.errors import BadParameters, Conflict, Expired, NoSuchPlan, TooManyAttempts
from streams_admin.models import Plan
from streams_admin.params.strict import Asked

LIVES = timedelta(minutes=2)
KEPT = timedelta(days=1)
"""Unused plans are deleted after that."""
DENIED_MOST, DENIED_WITHIN = 100, timedelta(minutes=5)
"""Denied attempts of one person that are written down, and the time after which there may be more."""
NAMED = 1000
"""Bytes of the name of a stream that are kept of a denied attempt: nobody looked whether there is such a one."""


def action_of(slug: str) -> Action:
    """Raises BadParameters."""
    try:
        return ALL[slug]
    except KeyError:
        raise BadParameters(f"action is {slug[:40]!r}; allowed: {', '.join(ALL)}.") from None


def allow(
    caller: Caller, action: Action, server: Server, key: bytes, *, params: Mapping[str, Any] | None = None
) -> None:
    """Raises Forbidden, and writes the attempt down; raises ActionError on a server that is configured as read-only."""
    line = Line(server.name, to_path(key), action.slug, params=params)
    if not may(caller.principal, action.permission, server.name, key):
        _deny(caller, replace(line, stream=to_path(key[:NAMED])), f"needs {action.permission}")
        raise Forbidden(action.permission, server.name)
    if server.config.read_only:
        log.refuse(caller, line, "refused", "the server is configured as read-only")
        raise Conflict(f"{server.title} is configured as read-only.")
    if why := server.refuses_writes():
        log.refuse(caller, line, "refused", "the server is a replica")
        raise Conflict(why)


def allow_more(caller: Caller, action: Action, ctx: ActionContext) -> None:
    """What the checked parameters ask for beside the stream itself. Raises Forbidden, and writes the attempt down."""
    try:
        action.allow(ctx)
    except Forbidden as denied:
        line = Line(ctx.server.name, to_path(ctx.key), action.slug, params=action.told(ctx.params))
        _deny(caller, line, denied.message)
        raise


def _deny(caller: Caller, line: Line, why: str) -> None:
    """Write an attempt down. Raises TooManyAttempts, and writes nothing, for who never stops: the log is for ever."""
    if log.denied_since(caller.principal, timezone.now() - DENIED_WITHIN) >= DENIED_MOST:
        raise TooManyAttempts("Too many denied attempts. Wait a few minutes.")
    log.refuse(caller, line, "denied", why)


def prepare(caller: Caller, server: Server, key: bytes, slug: str, raw: Mapping[str, Any]) -> Plan:
    """Look, and write down what was seen. Raises Forbidden, ActionError, StreamError; changes nothing on the server."""
    action = action_of(slug)
    allow(caller, action, server, key, params=None)
    asked = Asked(raw)
    ctx = ActionContext(caller.principal, server, key, with_target(slug, server.name, key, action.clean(asked)))
    if caller.via != "page":  # a form says only what its action knows, and the page's address more than that
        asked.refuse_unknown(slug)
    allow_more(caller, action, ctx)
    preview, seen = action.look(ctx)
    Plan.objects.filter(used=None, created__lt=timezone.now() - KEPT).delete()
    return Plan.objects.create(
        who=caller.principal.name,
        who_id=caller.principal.id,
        server=server.name,
        stream=to_path(key),
        action=slug,
        params=ctx.params,
        seen=seen,
        preview=preview.to_json(*_production(server)),
        expires=timezone.now() + LIVES,
    )


def _production(server: Server) -> list[Note]:
    """What comes before every other warning."""
    if server.config.environment != "production":
        return []
    return [Note("late", f"{server.title} is in production", "Its users will notice at once.")]


def token(plan: Plan) -> str:
    """What stands in an address: the plan's number and a seal over all of it."""
    return f"{plan.pk.hex}_{_seal(plan)}"


def _seal(plan: Plan) -> str:
    content = [
        plan.pk.hex,
        plan.who,
        plan.who_id,
        plan.server,
        plan.stream,
        plan.action,
        plan.params,
        plan.seen,
        plan.preview,
        plan.expires.isoformat(),
    ]
    return salted_hmac("streams_admin.plan", json.dumps(content, sort_keys=True), algorithm="sha256").hexdigest()[:32]


def find(text: str, principal: Principal) -> Plan:
    """The plan of a token. Raises NoSuchPlan when it is altered, unknown, or another's."""
    number, _, seal = text.partition("_")
    try:
        plan = Plan.objects.get(pk=uuid.UUID(number))
    except (ValueError, Plan.DoesNotExist):
        raise NoSuchPlan("There is no such plan. Plans are kept for a day.") from None
    if not constant_time_compare(_seal(plan), seal):
        raise NoSuchPlan("This plan was altered and cannot be used.")
    if not plan.is_of(principal):
        raise NoSuchPlan("This plan belongs to someone else. Make your own.")
    return plan


def check_fresh(plan: Plan) -> None:
    """Raises Expired."""
    if timezone.now() > plan.expires:
        raise Expired("This plan is older than two minutes and was not run. Refresh it.")


def context_of(plan: Plan, principal: Principal) -> ActionContext:
    """The plan as an action takes it. Raises UnknownServer when the server is not configured any more."""
    return ActionContext(principal, links.get(plan.server), from_path(plan.stream), plan.params)


def take(plan: Plan) -> bool:
    """Mark it as used. False when it was already: a plan runs once."""
    return Plan.objects.filter(pk=plan.pk, used=None).update(used=timezone.now()) == 1
