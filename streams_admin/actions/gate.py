"""The one gate before every action: resolve the verb, parse its parameters, authorise, and write a refusal down.

Page, API, command line and "run again" pass it once per request. What it hands out is the only thing that a plan can
be made of, so that no caller, and no verb, skips a step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from dashboard.accounts.access import Forbidden, may
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.links import Server
from dashboard.streams.names import from_path, to_path
from streams_admin import stored
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import ActionContext, AnyContext, Model, Scope
from streams_admin.actions.registry import ALL
from streams_admin.audit import log
from streams_admin.audit.attempts import bounded
from streams_admin.audit.log import Caller, Line
from streams_admin.errors import BadParameters, Conflict, TooManyAttempts
from streams_admin.models import Plan
from streams_admin.params.address import Address
from streams_admin.params.base import Params, Raw, Spelling, parse, serialise

DENIED_MOST, DENIED_WITHIN = 100, timedelta(minutes=5)
"""Denied attempts of one person that are written down, and the time after which there may be more."""
NAMED = 1000
"""Bytes of the name of a stream that are kept of a denied attempt: nobody looked whether there is such a one."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An action that its caller may do, with parameters that are right."""

    action: AnyAction
    ctx: AnyContext


@dataclass(frozen=True, slots=True)
class AdmittedForm:
    """The form of an action, for who may do it on the stream; its parameters are still to come."""

    caller: Caller
    action: AnyAction
    ctx: ActionContext[Address]

    def submit(self, raw: Raw) -> Admitted:
        """With the parameters of a valid form. Raises BadParameters or Forbidden."""
        return _admit(self.caller, self.action, self.ctx, parse(self.action.model, raw, slug=self.action.slug))


def resolve(slug: str) -> AnyAction:
    """Raises BadParameters."""
    try:
        return ALL[slug]
    except KeyError:
        raise BadParameters(f"action is {slug[:40]!r}; allowed: {', '.join(ALL)}.") from None


def admit(
    caller: Caller, server: Server, key: bytes, slug: str, raw: Raw, spelling: Spelling = Spelling.PATHS
) -> Admitted:
    """Raises BadParameters, Forbidden, Conflict or TooManyAttempts. Who may not act does not learn what is wrong."""
    action, scope = resolve(slug), Scope(caller.principal, server, key)
    model: type[Params] = action.model
    return _admit(caller, action, scope, _parse_for(caller, action, scope, model, raw, spelling))


def admit_form(caller: Caller, server: Server, key: bytes, slug: str, address: Raw) -> AdmittedForm:
    """As `admit`, for a page that asks for the parameters; `address` is what it knows of them."""
    action, scope = resolve(slug), Scope(caller.principal, server, key)
    known = _parse_for(caller, action, scope, Address, address)
    return AdmittedForm(caller, action, ActionContext(caller.principal, server, key, known))


def admit_plan(caller: Caller, plan: Plan) -> Admitted:
    """A plan that is to be run, by whom it belongs to."""
    action, ctx = resolve(plan.action), context_of(plan, caller.principal)
    _authorise(caller, action, ctx, ctx.params)
    return _admit(caller, action, ctx, ctx.params)


def context_of(plan: Plan, principal: Principal) -> AnyContext:
    """The plan as its action takes it. Raises UnknownServer when the server is not configured any more."""
    return ActionContext(principal, links.get(plan.server), from_path(plan.stream), params_of(plan))


def params_of(plan: Plan) -> Params:
    """Read back as they were kept."""
    model: type[Params] = resolve(plan.action).model
    return parse(model, plan.params)


def seen_of(plan: Plan) -> Any:
    """What its action saw, a value again."""
    return stored.load(resolve(plan.action).seen_model, plan.seen)


def _parse_for(
    caller: Caller,
    action: AnyAction,
    scope: Scope,
    model: type[Model],
    raw: Raw,
    spelling: Spelling = Spelling.PATHS,
) -> Model:
    """Parse, and authorise on the stream: an attempt is written down with what it was about, where that can be read."""
    try:
        params = parse(model, raw, spelling, slug=action.slug)
    except BadParameters:
        _authorise(caller, action, scope, None)
        raise
    _authorise(caller, action, scope, params)
    return params


def _line(action: AnyAction, scope: Scope, params: Params | None) -> Line:
    """What an attempt was about, as the log keeps it."""
    kept = {} if params is None else bounded(serialise(params, Spelling.AUDIT))
    return Line(scope.server.name, to_path(scope.key), action.slug, params=kept)


def _authorise(caller: Caller, action: AnyAction, scope: Scope, params: Params | None) -> None:
    """On the stream itself."""
    server = scope.server
    if not may(caller.principal, action.permission, server.name, scope.key):
        line = replace(_line(action, scope, params), stream=to_path(scope.key[:NAMED]))
        _deny(caller, line, f"needs {action.permission}")
        raise Forbidden(action.permission, server.name)
    if server.config.read_only:
        log.refuse(caller, _line(action, scope, params), "refused", "the server is configured as read-only")
        raise Conflict(f"{server.title} is configured as read-only.")
    if why := server.refuses_writes():
        log.refuse(caller, _line(action, scope, params), "refused", "the server is a replica")
        raise Conflict(why)


def _admit(caller: Caller, action: AnyAction, scope: Scope, params: Params) -> Admitted:
    """What the parameters ask for beside the stream itself."""
    completed = action.complete(scope, params)
    ctx: AnyContext = ActionContext(scope.principal, scope.server, scope.key, completed)
    try:
        action.authorise(ctx)
    except Forbidden as denied:
        _deny(caller, _line(action, ctx, completed), denied.message)
        raise
    return Admitted(action, ctx)


def _deny(caller: Caller, line: Line, why: str) -> None:
    """Write an attempt down. Raises TooManyAttempts, and writes nothing, for who never stops: the log is for ever."""
    if log.denied_since(caller.principal, timezone.now() - DENIED_WITHIN) >= DENIED_MOST:
        raise TooManyAttempts("Too many denied attempts. Wait a few minutes.")
    log.refuse(caller, line, "denied", why)
