"""Looking again at what is unknown of an operation that is over: it only reads, and settles what can be known.

Connections on which something of it may still be on its way are ended before.

What is found goes to the same places as before: the row, the file of results, and a further line of the audit log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import F

from dashboard.accounts.principals import Principal
from dashboard.live import hub
from streams_admin import identity, stored
from streams_admin.actions import gate
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import BATCH, AnyContext
from streams_admin.actions.registry import ALL
from streams_admin.actions.work import Done, Work, ids_of, unknown_of
from streams_admin.audit import log
from streams_admin.errors import Conflict
from streams_admin.models import Operation
from streams_admin.operations import connections, results
from streams_admin.operations.outcomes import outcome_of
from streams_admin.operations.state import line_of


def can_check(operation: Operation) -> bool:
    """Whether something of it is unknown that can be looked at again."""
    return operation.over and bool(operation.unsettled) and ALL[operation.plan.action].checks_later


def check_again(operation: Operation, principal: Principal) -> None:
    """Raises Conflict when nothing is unknown, or another checks it at this moment; StreamError."""
    if not can_check(operation):
        raise Conflict("Nothing about this operation can be checked again.")
    plan, action = operation.plan, ALL[operation.plan.action]
    ctx = replace(gate.context_of(plan, principal), operation=str(operation.pk), reason=operation.reason)
    if why := identity.replaced(ctx, plan.identity):
        raise Conflict(why)
    seen, work = gate.seen_of(plan), stored.work_in(action, operation.unsettled)
    open_ = [lost for lost in connections.load(operation.connections) if not connections.ended(ctx.server, lost)]
    found = Done.together(*(_looked(ctx, action, seen, part, final=not open_) for part in _parts(work)))
    why = f" {connections.NOT_ENDED}" if open_ and found.counts["unknown"] else ""
    kept = {"connections": connections.dump(open_)}
    _settle(operation, found, unknown_of(work, found), f"Checked again by {principal.name}.{why}", kept)
    hub.nudge(hub.operation(operation.pk))


def _looked(ctx: AnyContext, action: AnyAction, seen: Any, work: Sequence[Work], *, final: bool) -> Done:
    """`final`: nothing of it can still arrive."""
    found = action.reconcile(ctx, seen, work)
    return found if final else action.unsure(seen, work, found)


def _parts(work: Sequence[Work]) -> list[list[Work]]:
    """Of about BATCH entries each."""
    parts: list[list[Work]] = [[]]
    for item in work:
        if len(ids_of(parts[-1])) + len(ids_of([item])) > BATCH:
            parts.append([])
        parts[-1].append(item)
    return parts


def _settle(operation: Operation, found: Done, left: Sequence[Work], detail: str, kept: dict[str, Any]) -> None:
    """The counts, the entries, what is still unknown and what is `kept` with it; and the audit line, all or none.

    Raises Conflict.
    """
    new = {**kept, **_changes(operation, found), "unsettled": stored.work_out(ALL[operation.plan.action], left)}
    with transaction.atomic():
        ours = Operation.objects.filter(pk=operation.pk, lease=operation.lease)
        if not ours.update(**new, lease=F("lease") + 1):
            raise Conflict("This operation is being checked at this moment.")
        operation.refresh_from_db()
        if operation.span:
            line = line_of(operation.plan, operation, operation.reason)
            log.end(operation.span, line, outcome_of(operation).word, operation.results, detail)
    results.keep(operation, found.named)


def _changes(operation: Operation, found: Done) -> dict[str, Any]:
    """What was looked at counts as what was found, and no more as unknown."""
    looked = sum(found.counts.values())
    counts = Counter(operation.results)
    counts["unknown"] -= min(looked, counts["unknown"])
    named = dict(found.pairs)
    return {
        "results": dict(+(counts + found.counts)),
        "entries": [[id_, named.get(id_, result)] for id_, result in operation.entries],
    }
