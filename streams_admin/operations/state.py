"""What is saved of an operation while it runs (`loop`), and how it ends.

Every save names the lease it was taken with: who was taken over meanwhile saves nothing more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import JsonValue

from dashboard.live import hub
from dashboard.streams.errors import BadId, StreamError
from dashboard.streams.ids import MAX, StreamId
from dashboard.streams.names import from_path
from streams_admin import stored
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import AnyContext
from streams_admin.actions.registry import ALL
from streams_admin.actions.work import Done, Work, unknown_of
from streams_admin.audit import log
from streams_admin.audit.log import Line
from streams_admin.models import Operation, Plan
from streams_admin.operations import results
from streams_admin.operations.outcomes import outcome_of
from streams_admin.params.base import Spelling, parse, serialise

KEPT = 1000
"""Results per entry that are kept with an operation; of larger ones all are in a file (`results`)."""
LONGEST_REST = 5.0
"""Seconds between two batches; a runner that rests longer would count as gone."""
NUDGE_EVERY = 0.2
"""Seconds between two nudges to those who watch an operation."""


class TakenOver(Exception):
    """Another process, or thread, runs this operation now."""


class StateRequested(Exception):
    """Another state was requested meanwhile: to pause, to end, or to go on after all."""


@dataclass(slots=True)
class Running:
    """An operation in the process that runs it, with what is not kept.

    `spent`: seconds of the server's time taken since it rested, `rested` when that was, by the monotonic clock. `free`:
    seconds of the server's time that it may still take without a rest. `trips`: requests that were sent. `unsaved`:
    noted, and saved with the next batch. `nudged`: when those who watch were last nudged, by the monotonic clock.
    """

    operation: Operation
    spent: float = 0.0
    free: float = 0.0
    trips: int = 0
    rested: float = field(default_factory=time.monotonic)
    unsaved: Mapping[str, Any] = field(default_factory=dict)
    nudged: float = 0.0


def rest(running: Running) -> None:
    """Leave the server alone for so long that what it did since the last rest is no more than the duty cycle allows.

    What we did ourselves in the meantime was a rest for it.
    """
    due = max(0.0, running.spent - running.free)
    running.free = max(0.0, running.free - running.spent)
    passed = max(due, time.monotonic() - running.rested)
    pause = min(LONGEST_REST, due * 100 / running.operation.duty_cycle - passed)
    running.spent = 0.0
    if pause > 0:  # sleeping for no time at all costs a quarter of a millisecond
        time.sleep(pause)
    running.rested = time.monotonic()


def counted(operation: Operation, named: dict[str, str], counts: Counter[str]) -> dict[str, Any]:
    """Results with `counts` added, and of the entries `named` as many as there is room for."""
    total = Counter(operation.results) + counts
    noted: dict[str, Any] = {"results": dict(total), "done": sum(total.values())}
    room = KEPT - len(operation.entries)
    if room > 0 and named:
        found = [[id_, result] for result, ids in named.items() for id_ in ids.split()]
        noted["entries"] = [*operation.entries, *sorted(found, key=_in_order)[:room]]
    return noted


def unsettled(operation: Operation, action: AnyAction, work: Sequence[Work], done: Done) -> dict[str, Any]:
    """The work whose outcome is unknown, with what is remembered of such already; {} where none is."""
    lost = unknown_of(work, done)
    return {"unsettled": remembered(operation, stored.work_out(action, lost))} if lost else {}


def remembered(operation: Operation, lost: Sequence[JsonValue]) -> list[JsonValue]:
    """Of saved work as many pieces as there is room for."""
    return [*operation.unsettled, *lost][:KEPT]


def _in_order(result: list[str]) -> StreamId:
    try:
        return StreamId.parse(result[0])
    except BadId:
        return MAX


def apply_request(running: Running, ctx: AnyContext, action: AnyAction, **noted: Any) -> bool:
    """Apply a state that was requested meanwhile: pause or cancel. False when the operation goes on no further.

    `noted` is saved with its end.
    """
    row = Operation.objects.filter(pk=running.operation.pk)
    while requested := row.values_list("requested_state", flat=True).get():
        if requested == "cancel":
            end(running, "cancelled", "", ctx, action, **noted)
            return False
        with suppress(StateRequested):  # somebody resumed or cancelled it meanwhile: that holds
            save(running, while_requested=requested, state="paused", runner="", requested_state="")
            return False
    return True


def note(running: Running, **changes: Any) -> None:
    """To be saved with the next save: one per batch is enough."""
    for name, value in changes.items():
        setattr(running.operation, name, value)
    running.unsaved = {**running.unsaved, **changes}


def check(running: Running) -> None:
    """Raises TakenOver when it is not ours any more. For what is done without a save of its own before it."""
    operation = running.operation
    if not Operation.objects.filter(pk=operation.pk, lease=operation.lease, runner=operation.runner).exists():
        raise TakenOver


def save(running: Running, *, while_requested: str | None = None, **changes: Any) -> None:
    """Save these and what was noted. Raises TakenOver when it is not ours any more; then nothing is saved.

    `while_requested`: raises StateRequested instead, and saves nothing, when another state is requested now ("": none).
    """
    operation = running.operation
    changes = {**running.unsaved, **changes}
    ours = Operation.objects.filter(pk=operation.pk, lease=operation.lease, runner=operation.runner)
    as_requested = ours if while_requested is None else ours.filter(requested_state=while_requested)
    if not as_requested.update(**changes, heartbeat_at=Now()):
        raise StateRequested if while_requested is not None and ours.exists() else TakenOver
    note(running, **changes)
    running.unsaved = {}
    if "state" in changes or time.monotonic() - running.nudged > NUDGE_EVERY:
        running.nudged = time.monotonic()
        transaction.on_commit(partial(hub.nudge, hub.operation(operation.pk)))


def end(running: Running, state: str, error: str, ctx: AnyContext, action: AnyAction, **noted: Any) -> None:
    """The last save, with the figures read again, and the audit line: both or none."""
    close(running, state, error, after=_after(action, ctx), **noted)
    group = running.operation.plan.params.get("group")
    hub.nudge(hub.group(ctx.server.name, ctx.key, from_path(group) if group else b""))


def close(running: Running, state: str, error: str, **noted: Any) -> None:
    """As `end`, where there is no server to ask."""
    operation = running.operation
    with transaction.atomic():
        save(
            running,
            **{"inflight": None, "runner": "", **noted, "state": state, "error": error, "ended": timezone.now()},
        )
        if operation.span:
            line = line_of(operation.plan, operation, operation.reason)
            log.end(operation.span, line, outcome_of(operation).word, operation.results, error)


def _after(action: AnyAction, ctx: AnyContext) -> list[list[Any]]:
    try:
        return action.figures(ctx)
    except StreamError:
        return []


def give_up(running: Running, error: Exception, done: Done | None = None) -> None:
    """It cannot go on, by an error of ours or because its server is not configured any more, or is another one.

    What was being done then is unknown, but for the part that is `done`.
    """
    operation, known = running.operation, done or Done()
    work = (operation.inflight or {}).get("work", ())
    if known.named:
        work = stored.without(work, {id_ for id_, _ in known.pairs})
    ids = stored.ids_in(work)
    lost = Done.of((id_, "unknown") for id_ in ids) if ids else Done(counts=Counter(unknown=len(work)))
    all_ = Done.together(known, lost)
    text = error.message if isinstance(error, StreamError) else f"Internal error: {type(error).__name__}."
    unsettled = remembered(operation, list(work))
    close(running, "failed", text, unsettled=unsettled, **counted(operation, all_.named, all_.counts))
    results.keep(operation, all_.named)


def line_of(plan: Plan, operation: Operation | None, reason: str) -> Line:
    """What the audit log says about running a plan, beside who and how it ended."""
    action = ALL.get(plan.action)
    return Line(
        server=plan.server,
        stream=plan.stream,
        action=plan.action,
        title=plan.preview["title"],
        params=serialise(parse(action.model, plan.params), Spelling.AUDIT) if action else {},
        plan=plan.pk,
        operation=operation.pk if operation else None,
        reason=reason,
    )
