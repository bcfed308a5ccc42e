"""Running a plan: checked, audited, batch by batch, with what is being done saved before and what came of it after.

What fits into one batch runs within the request; `run()` goes on with the rest, in whatever process gets it first.
A process that dies leaves `inflight`: the next one finds out by reading what came of it, and goes on from the cursor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import IntegrityError, close_old_connections, transaction
from django.db.models import Q
from django.utils import timezone

from dashboard.access import Actor
from dashboard.live import hub
from dashboard.names import from_path
from dashboard.streams.errors import OutcomeUnknown, StreamError
from dashboard.streams.ids import StreamId
from streams_admin import audit, plans
from streams_admin.actions import ALL
from streams_admin.actions.base import BATCH, Action, Ask, Batch, Done
from streams_admin.audit import Caller, Line
from streams_admin.errors import Changed, NotConfirmed, Refused
from streams_admin.models import Operation, Plan

log = logging.getLogger(__name__)

KEPT = 1000
"""Results per entry that are kept with an operation; of larger ones the rest is counts."""
ORPHANED = timedelta(seconds=8)
"""A running operation whose runner was not seen for that long is taken over."""
LOOK_EVERY = 1.0
RUNNER = f"{socket.gethostname()}:{os.getpid()}"


def begin(caller: Caller, plan: Plan, *, confirm: str = "", reason: str = "", key: str = "") -> Operation:
    """Run a plan; its operation, ended when it was small. The same plan or the same `key` again: the first answer.

    Raises Forbidden, Expired, NotConfirmed, Changed or StreamError, and then nothing was done.
    """
    known = _first_answer(caller, plan, key)
    if known is not None:
        return known
    plans.check_fresh(plan)
    action = ALL[plan.action]
    ask = plans.ask_of(plan, caller.actor)
    plans.allow(caller, action, ask.server, ask.key, params=action.told(plan.params))
    plans.allow_more(caller, action, ask)
    _check(caller, plan, action, ask, confirm, reason)
    operation = _open(caller, plan, ask, action, reason, key)
    if operation.state == "running" and operation.runner == RUNNER:
        _run_here(operation, ask, action)
    return operation


def _first_answer(caller: Caller, plan: Plan, key: str) -> Operation | None:
    same = Q(plan=plan) | (Q(key=_key(caller, key)) if key else Q(pk=None))
    return Operation.objects.filter(same).first()


def _key(caller: Caller, key: str) -> str | None:
    return f"{caller.actor.kind}:{caller.actor.name}:{key}"[:128] if key else None


def _check(caller: Caller, plan: Plan, action: Action, ask: Ask, confirm: str, reason: str) -> None:
    line = _line(plan, None, reason)
    wanted = plan.preview["confirm"]
    if wanted and confirm.strip() != wanted:
        raise NotConfirmed(f"Type {wanted} to go on: this cannot be undone.")
    why = action.changed(ask, plan.seen)
    if why:
        audit.refuse(caller, line, "refused", f"state has changed: {why}")
        raise Changed(f"The state has changed, and nothing was done. {why}")


def _line(plan: Plan, operation: Operation | None, reason: str) -> Line:
    return Line(
        server=plan.server,
        stream=plan.stream,
        action=plan.action,
        title=plan.preview["title"],
        params=ALL[plan.action].told(plan.params),
        plan=plan.pk,
        operation=operation.pk if operation else None,
        reason=reason,
    )


def _open(caller: Caller, plan: Plan, ask: Ask, action: Action, reason: str, key: str) -> Operation:
    """The operation and its audit line, or neither. Whoever comes second gets the first one's operation."""
    before = action.figures(ask)
    total = plan.preview["total"]
    try:
        with transaction.atomic():
            if not plans.take(plan):
                raise IntegrityError
            operation = Operation(
                plan=plan, state="running", reason=reason, total=total, before=before, key=_key(caller, key)
            )
            operation.runner, operation.beat = RUNNER, timezone.now()
            operation.span = audit.write(caller, _line(plan, operation, reason))
            operation.save(force_insert=True)
            return operation
    except IntegrityError:
        return _wait_for_first(caller, plan, key)


def _wait_for_first(caller: Caller, plan: Plan, key: str) -> Operation:
    for _ in range(20):
        known = _first_answer(caller, plan, key)
        if known is not None:
            return known
        time.sleep(0.05)
    raise Refused("This plan was used already.")


def _run_here(operation: Operation, ask: Ask, action: Action) -> None:
    """The first batch, and the end when that was all; else the background goes on."""
    small = operation.total is not None and operation.total <= BATCH
    while advance(operation, ask, action):
        if not small:
            Operation.objects.filter(pk=operation.pk, state="running").update(state="queued", runner="")
            operation.refresh_from_db()
            return


def advance(operation: Operation, ask: Ask, action: Action) -> bool:
    """One batch. False when the operation is over (or paused); its row and the audit log then say how it ended."""
    seen = operation.plan.seen
    ask = replace(ask, operation=str(operation.pk), reason=operation.reason)
    try:
        if operation.inflight is not None:
            return _resume(operation, ask, action)
        batch = action.batch(ask, seen, operation.cursor)
        if not batch.work:
            return _note(operation, ask, action, batch, Done.of(batch.settled))
        _save(operation, inflight={"work": batch.work, "cursor": batch.cursor, "last": batch.last})
        done = _attempt(operation, ask, action, batch)
        done = Done(
            [*batch.settled, *done.entries], Counter(r for _, r in batch.settled) + done.counts, done.cursor, done.last
        )
        return _note(operation, ask, action, batch, done)
    except StreamError as error:
        _end(operation, ask, action, "failed", error.message)
        return False


def _attempt(operation: Operation, ask: Ask, action: Action, batch: Batch) -> Done:
    """Act; when the reply is lost, look what came of it. What cannot be found out is unknown."""
    try:
        return action.act(ask, operation.plan.seen, batch.work)
    except OutcomeUnknown:
        return _settled(operation, ask, action, batch.work)


def _settled(operation: Operation, ask: Ask, action: Action, work: list[Any]) -> Done:
    for pause in (0.2, 1.0, 2.0):
        time.sleep(pause)
        try:
            return action.settle(ask, operation.plan.seen, work)
        except StreamError:
            continue
    return Done.of([(str(item[0]), "unknown") for item in work if isinstance(item, list)])


def _resume(operation: Operation, ask: Ask, action: Action) -> bool:
    """After a crash: what was being done when it happened is looked at, not repeated."""
    left = operation.inflight or {}
    batch = Batch(left["work"], left["cursor"], last=left["last"])
    return _note(operation, ask, action, batch, _settled(operation, ask, action, batch.work))


def _note(operation: Operation, ask: Ask, action: Action, batch: Batch, done: Done) -> bool:
    """Save what came of a batch. False at the end."""
    counts = Counter(operation.results) + done.counts
    room = max(0, KEPT - len(operation.entries))
    _save(
        operation,
        inflight=None,
        cursor=batch.cursor if done.cursor is None else done.cursor,
        results=dict(counts),
        done=sum(counts.values()),
        entries=[*operation.entries, *map(list, sorted(done.entries, key=_in_order)[:room])],
    )
    if batch.last or done.last:
        _end(operation, ask, action, "done")
        return False
    return _obey(operation, ask, action)


def _in_order(result: tuple[str, str]) -> StreamId:
    return StreamId.parse(result[0])


def _obey(operation: Operation, ask: Ask, action: Action) -> bool:
    """A wish that came meanwhile: pause or cancel."""
    wish = Operation.objects.filter(pk=operation.pk).values_list("wish", flat=True).get()
    if wish == "cancel":
        _end(operation, ask, action, "cancelled")
        return False
    if wish == "pause":
        _save(operation, state="paused", runner="", wish="")
        return False
    return True


def _save(operation: Operation, **changes: Any) -> None:
    for field, value in {**changes, "beat": timezone.now()}.items():
        setattr(operation, field, value)
    operation.save(update_fields=[*changes, "beat"])
    hub.nudge(hub.operation(operation.pk))


def _end(operation: Operation, ask: Ask, action: Action, state: str, error: str = "") -> None:
    _save(
        operation,
        state=state,
        error=error,
        after=_after(action, ask),
        ended=timezone.now(),
        runner="",
    )
    line = _line(operation.plan, operation, operation.reason)
    if operation.span:
        audit.end(operation.span, line, outcome(operation), operation.results, error)
    _nudge(ask, operation)


def outcome(operation: Operation) -> str:
    """The word of the audit log."""
    results = operation.results
    if results.get("unknown"):
        return "unknown"
    done = results.get("done", 0)
    if operation.state == "failed" and not done:
        return "failed"
    return "done" if done == operation.done and operation.state == "done" else "partly_done" if done else "refused"


def _after(action: Action, ask: Ask) -> list[list[Any]]:
    try:
        return action.figures(ask)
    except StreamError:
        return []


def _nudge(ask: Ask, operation: Operation) -> None:
    group = operation.plan.params.get("group")
    hub.nudge(hub.group(ask.server.name, ask.key, from_path(group) if group else b""))


def wish(operation: Operation, what: str) -> None:
    """Ask a running operation to pause or to be cancelled; let a paused one go on, or cancel it."""
    if what == "resume":
        Operation.objects.filter(pk=operation.pk, state="paused").update(state="queued", wish="")
    elif operation.state == "paused" and what == "cancel":
        Operation.objects.filter(pk=operation.pk, state="paused").update(state="queued", wish="cancel")
    else:
        Operation.objects.filter(pk=operation.pk, state__in=("queued", "running")).update(wish=what)
    hub.nudge(hub.operation(operation.pk))


async def run() -> None:
    """Background work: take operations that wait or were orphaned, one at a time, until cancelled."""
    while True:
        worked = await sync_to_async(work_once, thread_sensitive=False)()
        if not worked:
            await asyncio.sleep(LOOK_EVERY)


def work_once() -> bool:
    """Advance one operation by one batch. False when there is nothing to do."""
    close_old_connections()
    operation = _take()
    if operation is None:
        return False
    try:
        ask = plans.ask_of(operation.plan, Actor(operation.plan.who, operation.plan.who_kind))
        if _obey(operation, ask, ALL[operation.plan.action]):
            advance(operation, ask, ALL[operation.plan.action])
    except Exception as error:
        log.exception("operation %s failed", operation.pk)
        _save(
            operation, state="failed", error=f"An error of Streamgauge: {type(error).__name__}.", ended=timezone.now()
        )
    finally:
        Operation.objects.filter(pk=operation.pk, state="running", runner=RUNNER).update(state="queued", runner="")
        close_old_connections()
    return True


def _take() -> Operation | None:
    """The oldest operation that waits, or whose runner was not seen for ORPHANED; taken by one process only."""
    free = Q(state="queued") | Q(state="running", beat__lt=timezone.now() - ORPHANED)
    for pk, runner, beat in Operation.objects.filter(free).order_by("created").values_list("pk", "runner", "beat")[:5]:
        mine = Operation.objects.filter(free, pk=pk, runner=runner, beat=beat)
        if mine.update(state="running", runner=RUNNER, beat=timezone.now()):
            return Operation.objects.select_related("plan").get(pk=pk)
    return None
