"""Whether who began an operation may still do it: rights that are taken away end it too."""

from __future__ import annotations

import time
from uuid import UUID

from dashboard.accounts.access import Forbidden, require
from dashboard.accounts.directory import principal_again
from streams_admin.actions import gate
from streams_admin.actions.base import AnyAction
from streams_admin.errors import ActionError
from streams_admin.models import Operation, Plan

ASK_EVERY = 2.0
"""Seconds between two questions about the same operation."""
_asked: dict[UUID, float] = {}
"""The operation that was asked about last, and when. Of this process."""


def lost(operation: Operation, action: AnyAction, *, now: bool = False) -> str:
    """Why who began it may not go on, a sentence that may be shown; "" while they may, and until it is asked again.

    `now`: it is asked again in any case.
    """
    if not now and time.monotonic() - _asked.get(operation.pk, -ASK_EVERY) < ASK_EVERY:
        return ""
    why = _why(operation.plan, action)
    _asked.clear()
    _asked[operation.pk] = time.monotonic()
    return why


def _why(plan: Plan, action: AnyAction) -> str:
    ctx = gate.context_of(plan, principal_again(plan.who_id, plan.who))
    try:
        require(ctx.principal, action.permission, plan.server, ctx.key)
        action.authorise(ctx)
    except Forbidden:
        return f"{plan.who} no longer has the permission for this."
    except ActionError as refused:
        return refused.message
    return f"{plan.server} is configured as read-only." if ctx.server.config.read_only else ""
