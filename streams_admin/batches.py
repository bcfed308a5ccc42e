"""One operation, batch by batch: what is about to be done is saved before, and what came of it after.

A process that dies leaves `inflight`. The next one finds out by reading what came of that; only what certainly was not
done ("failed") is done again. Every save names the beat it follows: who was taken over meanwhile saves nothing more.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from dashboard.live import hub
from dashboard.names import from_path
from dashboard.streams.errors import BadId, OutcomeUnknown, StreamError
from dashboard.streams.ids import MAX, StreamId
from streams_admin import audit, results
from streams_admin.actions import ALL
from streams_admin.actions.base import Action, Ask, Batch, Done
from streams_admin.audit import Line
from streams_admin.models import Operation, Plan

KEPT = 1000
"""Results per entry that are kept with an operation; of larger ones all are in a file (`results`)."""
LONGEST_REST = 5.0
"""Seconds between two batches; a runner that rests longer would count as gone."""
LOOK_AFTER = (0.2, 1.0, 2.0)
"""Seconds before each look at what came of a write whose reply was lost."""


class TakenOver(Exception):
    """Another process, or thread, runs this operation now."""


def advance(operation: Operation, ask: Ask, action: Action) -> bool:
    """One batch. False when the operation is over or paused; its row and the audit log then say how it ended.

    Raises TakenOver.
    """
    ask = replace(ask, operation=str(operation.pk), reason=operation.reason)
    try:
        if operation.inflight is not None:
            return _resume(operation, ask, action)
        began = time.monotonic()
        batch = action.batch(ask, operation.plan.seen, operation.cursor)
        operation.spent = time.monotonic() - began
        if not batch.work:
            return _note(operation, ask, action, batch, Done())
        save(operation, inflight=_inflight(batch))
        return _note(operation, ask, action, batch, _attempt(operation, ask, action, batch.work))
    except StreamError as error:
        settled = [tuple(pair) for pair in (operation.inflight or {}).get("settled", ())]
        end(operation, "failed", error.message, ask, action, **_counted(operation, settled, Counter()))
        results.keep(operation, settled)
        return False


def _inflight(batch: Batch) -> dict[str, Any]:
    return {"work": batch.work, "cursor": batch.cursor, "settled": batch.settled, "last": batch.last}


def _attempt(operation: Operation, ask: Ask, action: Action, work: list[Any]) -> Done:
    """Act; when the reply is lost, look what came of it. What cannot be found out is unknown."""
    began = time.monotonic()
    try:
        done = action.act(ask, operation.plan.seen, work)
        operation.spent += time.monotonic() - began
        return done
    except OutcomeUnknown:
        return _look(operation, ask, action, work)


def rest(operation: Operation) -> None:
    """Leave the server alone for so long that the last batch was no more than the operation's duty of the time."""
    time.sleep(min(LONGEST_REST, operation.spent * (100 / operation.duty - 1)))


def _look(operation: Operation, ask: Ask, action: Action, work: list[Any]) -> Done:
    for pause in LOOK_AFTER:
        time.sleep(pause)
        try:
            return action.settle(ask, operation.plan.seen, work)
        except StreamError:
            continue
    return Done([(item[0], "unknown") for item in work if isinstance(item, list)], Counter(unknown=len(work)))


def _resume(operation: Operation, ask: Ask, action: Action) -> bool:
    """After a crash. What was not done is done now: whoever was about to do it is gone."""
    left = operation.inflight or {}
    batch = Batch(left["work"], left["cursor"], [tuple(pair) for pair in left.get("settled", ())], left["last"])
    found = _look(operation, ask, action, batch.work)
    undone, rest = _undone(batch.work, found)
    if not undone:
        return _note(operation, ask, action, batch, found)
    batch = replace(batch, work=undone, settled=[*batch.settled, *rest])
    save(operation, inflight=_inflight(batch))
    return _note(operation, ask, action, batch, _attempt(operation, ask, action, undone))


def _undone(work: list[Any], found: Done) -> tuple[list[Any], list[tuple[str, str]]]:
    """The part of the work that was certainly not done, and the results of the rest."""
    if not found.entries:
        return (work if set(found.counts) == {"failed"} else []), []
    failed = {id_ for id_, result in found.entries if result == "failed"}
    rest = [(id_, result) for id_, result in found.entries if id_ not in failed]
    return [item for item in work if isinstance(item, list) and item[0] in failed], rest


def _note(operation: Operation, ask: Ask, action: Action, batch: Batch, done: Done) -> bool:
    """Save what came of a batch. False at the end."""
    named = [*batch.settled, *done.entries]
    unnamed = done.counts - Counter(result for _, result in done.entries) + batch.passed
    noted = {
        "inflight": None,
        "cursor": batch.cursor if done.cursor is None else done.cursor,
        **_counted(operation, named, unnamed),
    }
    last = batch.last or done.last
    if last:
        end(operation, "done", "", ask, action, **noted)
    else:
        save(operation, **noted)
    results.keep(operation, named)
    return not last and obey(operation, ask, action)


def _counted(operation: Operation, entries: list[tuple[str, str]], unnamed: Counter[str]) -> dict[str, Any]:
    """Results with those of `entries`, and `unnamed` ones, added."""
    counts = Counter(operation.results) + Counter(result for _, result in entries) + unnamed
    noted: dict[str, Any] = {"results": dict(counts), "done": sum(counts.values())}
    room = KEPT - len(operation.entries)
    if room > 0 and entries:
        noted["entries"] = [*operation.entries, *map(list, sorted(entries, key=_in_order)[:room])]
    return noted


def _in_order(result: tuple[str, str]) -> StreamId:
    try:
        return StreamId.parse(result[0])
    except BadId:
        return MAX


def obey(operation: Operation, ask: Ask, action: Action) -> bool:
    """A wish that came meanwhile: pause or cancel. False when the operation goes on no further."""
    wish = Operation.objects.filter(pk=operation.pk).values_list("wish", flat=True).get()
    if wish == "cancel":
        end(operation, "cancelled", "", ask, action)
    elif wish == "pause":
        save(operation, state="paused", runner="", wish="")
    return wish not in ("cancel", "pause")


def save(operation: Operation, **changes: Any) -> None:
    """Raises TakenOver when it is not ours any more; then nothing is saved."""
    changes["beat"] = timezone.now()
    ours = Operation.objects.filter(pk=operation.pk, beat=operation.beat, runner=operation.runner)
    if not ours.update(**changes):
        raise TakenOver
    for field, value in changes.items():
        setattr(operation, field, value)
    transaction.on_commit(partial(hub.nudge, hub.operation(operation.pk)))


def end(operation: Operation, state: str, error: str, ask: Ask, action: Action, **noted: Any) -> None:
    """The last save, with the figures read again, and the audit line: both or none."""
    close(operation, state, error, after=_after(action, ask), **noted)
    group = operation.plan.params.get("group")
    hub.nudge(hub.group(ask.server.name, ask.key, from_path(group) if group else b""))


def close(operation: Operation, state: str, error: str, **noted: Any) -> None:
    """As `end`, where there is no server to ask."""
    with transaction.atomic():
        save(
            operation,
            **{"inflight": None, "runner": "", **noted, "state": state, "error": error, "ended": timezone.now()},
        )
        if operation.span:
            line = line_of(operation.plan, operation, operation.reason)
            audit.end(operation.span, line, outcome(operation), operation.results, error)


def _after(action: Action, ask: Ask) -> list[list[Any]]:
    try:
        return action.figures(ask)
    except StreamError:
        return []


def give_up(operation: Operation, error: Exception) -> None:
    """It cannot go on, by an error of ours or because its server is not configured any more.

    What was being done then is unknown.
    """
    work = (operation.inflight or {}).get("work", ())
    counts = Counter(operation.results) + Counter(unknown=len(work))
    text = error.message if isinstance(error, StreamError) else f"An error of Streamgauge: {type(error).__name__}."
    close(operation, "failed", text, results=dict(counts), done=sum(counts.values()))
    results.keep(operation, [(item[0], "unknown") for item in work if isinstance(item, list)])


def outcome(operation: Operation) -> str:
    """The word of the audit log."""
    results = operation.results
    if results.get("unknown"):
        return "unknown"
    done = results.get("done", 0)
    if not done:
        return "failed" if operation.state == "failed" or results.get("failed") else "refused"
    return "done" if done == operation.done and operation.state == "done" else "partly_done"


def line_of(plan: Plan, operation: Operation | None, reason: str) -> Line:
    """What the audit log says about running a plan, beside who and how it ended."""
    action = ALL.get(plan.action)
    return Line(
        server=plan.server,
        stream=plan.stream,
        action=plan.action,
        title=plan.preview["title"],
        params=action.told(plan.params) if action else {},
        plan=plan.pk,
        operation=operation.pk if operation else None,
        reason=reason,
    )
