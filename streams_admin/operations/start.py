"""Running a plan: checked and audited before anything is done.

What fits into one batch runs within the request; `run()` goes on with the rest, in whatever process gets it first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import time
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error, IntegrityError, close_old_connections, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from dashboard.accounts.principals import Principal
from dashboard.config.active import configured
from dashboard.live import hub
from dashboard.streams.errors import StreamError
from streams_admin import identity, plans
from streams_admin.actions import gate
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import BATCH, AnyContext
from streams_admin.actions.registry import ALL
from streams_admin.audit import log as audit
from streams_admin.audit.log import Caller
from streams_admin.errors import Changed, Conflict, NotConfirmed
from streams_admin.models import Operation, Plan
from streams_admin.operations import rights, state
from streams_admin.operations.lease import leases
from streams_admin.operations.loop import NO_LIMIT, Run
from streams_admin.operations.pacing import behind_others
from streams_admin.operations.state import Running, TakenOver, line_of

log = logging.getLogger(__name__)

ORPHANED = timedelta(seconds=8)
"""A running operation whose runner was not seen for that long is taken over."""
LOOK_EVERY = 1.0
TURN = 1.0
"""Seconds for which a runner stays with one operation before it looks whether another waits longer."""
RUNNER = f"{socket.gethostname()}:{os.getpid()}"


def begin(
    caller: Caller, plan: Plan, *, confirm: str = "", reason: str = "", key: str = "", duty: int = 0
) -> Operation:
    """Run a plan; its operation, ended when it was small. The same plan or the same `key` again: the first answer.

    `duty`: percent of the time that a larger one may spend in commands, 1 to 100; 0: that of the settings.
    Raises Forbidden, Expired, NotConfirmed, Changed, Conflict or StreamError, and then nothing was done.
    """
    known = _first_answer(caller, plan, key)
    if known is not None:
        return known
    plans.check_fresh(plan)
    plans.check_no_file(plan)
    admitted = gate.admit_plan(caller, plan)
    action, ctx = admitted.action, admitted.ctx
    _check_typed(plan, confirm)
    operation, first = _begin_once(caller, plan, action, ctx, reason.replace("\0", ""), key, duty)
    if first:
        _run_here(operation, ctx, action)
    return operation


def _first_answer(caller: Caller, plan: Plan, key: str) -> Operation | None:
    """The operation of the plan, if it was run. Raises Conflict for a key that another plan was run with."""
    known = Operation.objects.filter(plan=plan).first()
    if known is None and key and Operation.objects.filter(key=_key(caller, key)).exclude(plan=plan).exists():
        raise Conflict("This Idempotency-Key was used for another plan: nothing was done.")
    return known


def _key(caller: Caller, key: str) -> str | None:
    """Of one person, of any length; nobody else's is ever equal."""
    owned = json.dumps([caller.principal.id, key])
    return hashlib.sha256(owned.encode()).hexdigest() if key else None


def _check_typed(plan: Plan, confirm: str) -> None:
    wanted = plan.preview["confirm"]
    if wanted and confirm.strip() != wanted:
        raise NotConfirmed(f"Type {wanted} to confirm: this cannot be undone.")


def _begin_once(
    caller: Caller, plan: Plan, action: AnyAction, ctx: AnyContext, reason: str, key: str, duty: int
) -> tuple[Operation, bool]:
    """The operation, and whether it is ours to run.

    Who asks at the same moment finds the world changed by the first one, and gets that one's operation. To everybody
    else a change is the reason why nothing was done, which is written down.
    """
    try:
        _check_unchanged(plan, action, ctx)
        before = action.figures(ctx)
    except (Changed, StreamError) as error:
        known = _first_answer(caller, plan, key)
        if known is not None:
            return known, False
        outcome = "refused" if isinstance(error, Changed) else "failed"
        audit.refuse(caller, line_of(plan, None, reason), outcome, error.message)
        raise
    return _open(caller, plan, before, reason, key, duty)


def _check_unchanged(plan: Plan, action: AnyAction, ctx: AnyContext) -> None:
    why = action.changed(ctx, gate.seen_of(plan)) or identity.replaced(ctx, plan.identity)
    if why:
        raise Changed(why)


def _open(
    caller: Caller, plan: Plan, before: list[list[Any]], reason: str, key: str, duty: int
) -> tuple[Operation, bool]:
    """The operation and its audit line, or neither; another's where somebody was faster."""
    try:
        with transaction.atomic():
            if not plans.take(plan):
                raise IntegrityError
            total = plan.preview["total"]
            operation = Operation(plan=plan, reason=reason, total=total, before=before, key=_key(caller, key))
            operation.duty_cycle = min(100, max(1, duty or configured().operation_duty))
            operation.state, operation.runner, operation.heartbeat_at = "running", RUNNER, Now()
            operation.span = audit.write(caller, line_of(plan, operation, reason))
            operation.save(force_insert=True)
            return operation, True
    except IntegrityError:
        return _first_of(caller, plan, key), False


def _first_of(caller: Caller, plan: Plan, key: str) -> Operation:
    """The operation of who was faster: it was committed together with what kept ours out. Raises Conflict."""
    known = _first_answer(caller, plan, key)
    if known is None:
        plans.check_no_file(plan)
        raise Conflict("This plan was already used.")
    return known


def _run_here(operation: Operation, ctx: AnyContext, action: AnyAction) -> None:
    """The first batch, and the end when that was all; else, and for what has to wait in between, the background."""
    preview = operation.plan.preview
    small = operation.total is not None and operation.total <= BATCH and not preview["least"]
    try:
        with leases.here().runs(operation.pk), Run(Running(operation), ctx, action, alone=True) as run:
            if preview["lasting"]:
                return run.release()
            while run.advance():
                if not small:
                    return run.release()
    except TakenOver:
        operation.refresh_from_db()
    except Error as error:  # ours is out of order: as after a crash, the background finds out what was done
        log.warning("operation %s could not be saved: %s", operation.pk, error)
        close_old_connections()
        operation.refresh_from_db()


def request_state(operation: Operation, what: str) -> None:
    """Request "pause", "resume" or "cancel". Of several requests the last one holds; a cancelled one stays cancelled.

    One statement, so that nothing comes between reading the state and changing it.
    """
    states = Operation.GOING if what == "pause" else (*Operation.GOING, "paused")
    open_ones = Operation.objects.filter(pk=operation.pk, state__in=states).exclude(requested_state="cancel")
    goes_on = Case(When(state="paused", then=Value("queued")), default=F("state"))
    open_ones.update(state=goes_on, requested_state="" if what == "resume" else what)
    hub.nudge(hub.operation(operation.pk))


async def run() -> None:
    """Background work: take operations that wait or were orphaned, one at a time, until cancelled."""
    while True:
        worked = await sync_to_async(work_once, thread_sensitive=False)(TURN)
        if not worked:
            await hub.current().operation_changed(LOOK_EVERY)


def work_once(turn: float = 0.0) -> bool:
    """Advance one operation: by one batch, and by more until `turn` seconds are over. False when none waits."""
    close_old_connections()
    here = leases.here()
    operation = leases.take(RUNNER, ORPHANED, here.running)
    if operation is None:
        return False
    running = Running(operation)
    try:
        with here.runs(operation.pk):
            _go_on(running, time.monotonic() + turn)
    except TakenOver:
        log.warning("operation %s taken over", operation.pk)
    except Error:
        raise  # ours is out of order, not the operation: it is taken again later
    except Exception as error:
        log.exception("operation %s failed", operation.pk)
        state.give_up(running, error)
    finally:
        close_old_connections()
    return True


def _go_on(running: Running, until: float) -> None:
    """What was being done when a process died comes first, then the state that was requested, then the next batches."""
    operation = running.operation
    action, plan = ALL[operation.plan.action], operation.plan
    ctx = gate.context_of(plan, Principal(plan.who, plan.who_id))
    if operation.inflight is None and not state.apply_request(running, ctx, action):
        return
    if operation.inflight is None and (why := rights.lost(operation, action)):
        state.end(running, "cancelled", why, ctx, action)
        return
    gently = behind_others() if operation.duty_cycle < NO_LIMIT else nullcontext()
    with gently, Run(running, ctx, action) as run:
        while run.advance():
            state.rest(running)
            if time.monotonic() >= until:
                return run.release()
