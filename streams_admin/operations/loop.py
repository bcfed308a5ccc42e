"""One operation, batch by batch: what is about to be done is saved before, together with what came of the batch before.

A process that dies leaves `inflight`. The next one finds out by reading what came of that; only what certainly was not
done ("failed") is done again, and only if it still may be: who cancels, or takes rights away, is obeyed first. A
command of the dead one may still be on its way: its connection is ended before (`connections`).

Without a limit of its duty cycle nothing waits that need not: while the server works on a batch, the next one is taken
apart and saved as what is about to be done `then`, and the one behind it is requested.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from django.db import Error

from dashboard.streams import links
from dashboard.streams.errors import OutcomeUnknown, StreamError
from dashboard.streams.links import PendingReply
from streams_admin import stored
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import BATCH, AnyContext
from streams_admin.actions.work import AnyBatch, Batch, Done, Work, ids_of, part_of
from streams_admin.identity import Replaced
from streams_admin.operations import connections, results, rights
from streams_admin.operations import state as saving
from streams_admin.operations.connections import Connections
from streams_admin.operations.pacing import FIRST
from streams_admin.operations.pieces import GENTLE, AtOnce, InBatches, InPieces, unknown
from streams_admin.operations.state import Running, StateRequested, TakenOver

NO_LIMIT = 100
"""A duty cycle that leaves no time to rest."""
HEARTBEAT_EVERY = 1.0
"""Seconds after which a runner shows that it lives: before each round trip, and in its rests. None takes that long."""
FRESH_FOR = 0.2
"""Seconds after which what was read ahead is read again."""


@dataclass(slots=True)
class _Ahead:
    """The batch at `cursor`, and when it was read. `saved`: as what is done next."""

    cursor: object
    batch: AnyBatch
    read_at: float
    saved: bool = False


class Run:
    """An operation that this process runs. A context manager: whatever happens, no answer is left on a connection.

    `alone`: its first batch, within a request.
    """

    def __init__(self, running: Running, ctx: AnyContext, action: AnyAction, *, alone: bool = False) -> None:
        operation = running.operation
        hurries = operation.duty_cycle >= NO_LIMIT
        ctx = replace(ctx, operation=str(operation.pk), reason=operation.reason, most=_most(action, hurries, alone))
        self.running, self.operation = running, operation
        self.ask, self.action = ctx, action
        self._way: AtOnce
        process = operation.plan.identity.get("run_id", "") if operation.plan.identity else ""
        self._connections = Connections(operation.connections, self._save, process, lambda: self._way.verify())
        way = (running, ctx, action, self._heartbeat, self._connections)
        if alone:
            self._way = AtOnce(*way, waits=False)
        elif action.paced:
            self._way = InBatches(*way)
        elif action.pieces and not hurries:
            self._way = InPieces(*way)
        else:
            self._way = AtOnce(*way, waits=True)
        self._identified = alone
        self._reads_ahead = hurries and not alone
        self._coming: tuple[object, PendingReply[AnyBatch]] | None = None
        self._ahead: _Ahead | None = None
        self._cursor: object = stored.cursor_in(action, operation.cursor)
        self._saved_at = time.monotonic()
        self._unkept: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._coming is not None:
            self._coming[1].drop()

    def advance(self) -> bool:
        """One batch. False when the operation is over or paused; its row and the audit log then say how it ended.

        What came of the batch is saved with the next one, or by `release`. Raises TakenOver.
        """
        try:
            orphaned = self.operation.inflight is not None and self._ahead is None
            with links.before_each_trip(self._before_trip), links.tracked(self._connections):
                if not self._identified and not self._identify():
                    return False
                return self._resume() if orphaned else self._advance()
        except StateRequested:
            goes_on = self._apply_request()
            self._save() if goes_on else self._keep()
            return goes_on
        except OutcomeUnknown:
            self._leave_lost()
            return False
        except Replaced as error:
            self._give_up(error, Done.together(*self._way.done))
            return False
        except StreamError as error:
            left = self.operation.inflight
            batch: AnyBatch = self._batch_of(left) if left else Batch([], None)
            self._end("failed", error.message, Done.together(_known(batch), *self._way.done), batch.work)
            return False

    def _identify(self) -> bool:
        """Before anything else: the server and the stream are still those of the plan, or nothing more is done."""
        try:
            self._way.identify()
        except StreamError as error:
            self._give_up(error)
            return False
        self._identified = True
        return True

    def _give_up(self, error: StreamError, done: Done | None = None) -> None:
        """What was sent is not to arrive at a stream that nobody has looked at."""
        with suppress(StreamError):
            self._connections.end_here(self.ask.server)
        self._note_connections()
        saving.give_up(self.running, error, done)

    def release(self) -> None:
        """Whoever is first goes on with it. Raises TakenOver."""
        not_begun = {"inflight": None} if self._ahead is not None else {}
        self._note_connections()
        self._save(state="queued", runner="", **not_begun)

    def _advance(self) -> bool:
        batch, saved = self._next()
        if not batch.work:
            goes_on = self._note(batch, Done())
            if goes_on:
                self._save(while_requested="")
            return goes_on
        if saved:
            saving.check(self.running)
        else:
            self._save(while_requested="", inflight=self._inflight(batch))
        with links.meanwhile(partial(self._meanwhile, batch)):
            done = self._way.act(batch.work)
        return self._note(batch, done)

    def _next(self) -> tuple[AnyBatch, bool]:
        """What was read ahead, or is read now; and whether it is saved that it is about to be done."""
        ahead = self._ahead
        self._ahead = None
        if ahead is not None and ahead.cursor == self._cursor and time.monotonic() - ahead.read_at < FRESH_FOR:
            return ahead.batch, ahead.saved
        saving.note(self.running, inflight=None)
        return self._way.read(self._cursor), False

    def _meanwhile(self, batch: AnyBatch) -> None:
        if self._reads_ahead and not batch.last:
            # What fails here is tried again when it is its turn, and then it counts.
            with suppress(StreamError, Error, StateRequested, TakenOver):
                self._read_ahead(batch)

    def _read_ahead(self, batch: AnyBatch) -> None:
        """Take the batch behind this one, which may have been asked for before, and ask for the one behind that."""
        coming, self._coming = self._coming, None
        if coming is not None and coming[0] != batch.cursor:
            coming[1].drop()
            coming = None
        coming = coming or self._ask_for(batch.cursor)
        if coming is None:
            return
        found = coming[1].get()
        self._ahead = _Ahead(batch.cursor, found, time.monotonic())
        self._coming = None if found.last else self._ask_for(found.cursor)
        if found.work:
            self._save(while_requested="", inflight={**(self.operation.inflight or {}), "then": self._inflight(found)})
            self._ahead.saved = True

    def _ask_for(self, cursor: object) -> tuple[object, PendingReply[AnyBatch]] | None:
        query = self.action.reading(self.ask, self._way.seen, cursor)
        return None if query is None else (cursor, self.ask.server.send(query))

    def _resume(self) -> bool:
        """After a crash: first what came of it, which is read. What was not done is done now, if it still may be.

        A part of a batch cannot be read anew: the rest of it is through.
        """
        left = self.operation.inflight or {}
        batch, part, lost = self._batch_of(left), bool(left.get("part")), bool(left.get("lost"))
        found, final = self._way.look(batch.work)
        if not (final or self.action.idempotent or (self.action.late_safe and not lost)):
            found = self._way.unsure(batch.work, found)
        undone, rest = _undone(batch.work, found)
        if not undone or (lost and not (self.action.idempotent and not rest)):
            return self._note(batch, found if final else self._way.unsure(batch.work, found))
        if rest:
            batch, part = self._recorded(replace(batch, work=list(undone), settled=[*batch.settled, *rest])), True
        self._save(inflight={**left, **self._inflight(batch), "part": part})
        if not self._may_resume(batch, final=final):
            return False
        done = (self._way.resend if lost else self._way.redo)(batch.work, final=final)
        return self._note(batch, Done.uniform("failed", batch.work) if done.again and part else done)

    def _leave_lost(self) -> None:
        """For the background to find out what came of it; of the parts before, that is known and saved."""
        left, known = self.operation.inflight or {}, Done.together(*self._way.done).pairs
        if known:
            batch = self._batch_of(left)
            undone = part_of(batch.work, set(ids_of(batch.work)) - {id_ for id_, _ in known})
            batch = self._recorded(replace(batch, work=undone, settled=[*batch.settled, *known]))
            left = {**left, **self._inflight(batch), "part": True}
        self._note_connections()
        self._save(state="queued", runner="", inflight={**left, "lost": True})

    def _note_connections(self) -> None:
        """Those on which something may be on its way, and no others, in the row."""
        saving.note(self.running, connections=connections.dump(self._connections.open))

    def _apply_request(self, **noted: Any) -> bool:
        self._note_connections()
        return saving.apply_request(self.running, self.ask, self.action, **noted)

    def _recorded(self, batch: AnyBatch) -> AnyBatch:
        """Its work alone, with what is settled beside it noted in the row."""
        known = _known(batch)
        saving.note(self.running, **saving.counted(self.operation, known.named, known.counts))
        self._unkept = known.named
        return replace(batch, settled=[], passed=Counter())

    def _inflight(self, batch: AnyBatch) -> dict[str, Any]:
        return stored.batch_out(self.action, batch)

    def _batch_of(self, inflight: dict[str, Any]) -> AnyBatch:
        return stored.batch_in(self.action, inflight)

    def _may_resume(self, batch: AnyBatch, *, final: bool) -> bool:
        """Whether it was not cancelled or paused meanwhile, and who began it may still do it. False: that is saved.

        `final`: what was sent before does not arrive any more; else, at the end, it is unknown.
        """
        known = _known(batch) if final else Done.together(_known(batch), unknown(batch.work))
        counted = self._counted(known, batch.work)
        goes_on = self._apply_request(**counted)
        if goes_on and (why := rights.lost(self.operation, self.action, now=True)):
            saving.end(self.running, "cancelled", why, self.ask, self.action, **counted)
            goes_on = False
        if self.operation.over:
            results.keep(self.operation, known.named)
        return goes_on

    def _note(self, batch: AnyBatch, done: Done) -> bool:
        """What came of a batch. False at the end."""
        if done.again:
            saving.note(self.running, inflight=None)
            return True
        all_ = Done.together(_known(batch), done)
        self._cursor = batch.cursor if done.cursor is None else done.cursor
        cursor = stored.cursor_out(self.action, self._cursor)
        if batch.last or done.last:
            saving.note(self.running, cursor=cursor)
            self._end("done", done.why, all_, batch.work)
            return False
        counted = self._counted(all_, batch.work)
        then = (self.operation.inflight or {}).get("then")
        saving.note(self.running, inflight=then, cursor=cursor, **counted)
        self._unkept = all_.named
        return True

    def _counted(self, done: Done, work: Sequence[Work]) -> dict[str, Any]:
        counted = saving.counted(self.operation, done.named, done.counts)
        return {**counted, **saving.unsettled(self.operation, self.action, work, done)}

    def _end(self, state: str, error: str, done: Done, work: Sequence[Work]) -> None:
        counted = self._counted(done, work)
        with suppress(StreamError):
            self._connections.end(self.ask.server)
        self._note_connections()
        if self._connections.refused and counted["results"].get("unknown"):
            error = f"{error} {connections.NOT_ENDED}".strip()
        saving.end(self.running, state, error, self.ask, self.action, **counted)
        self._keep()
        results.keep(self.operation, done.named)

    def _before_trip(self) -> None:
        self._heartbeat()
        self.running.trips += 1

    def _heartbeat(self) -> None:
        """Show that this runner lives. Raises TakenOver."""
        if time.monotonic() - self._saved_at > HEARTBEAT_EVERY:
            self._save()

    def _save(self, **changes: Any) -> None:
        saving.save(self.running, **changes)
        self._saved_at = time.monotonic()
        self._keep()

    def _keep(self) -> None:
        """Results go into the file once they are saved."""
        unkept, self._unkept = self._unkept, {}
        results.keep(self.operation, unkept)


def _most(action: AnyAction, hurries: bool, alone: bool) -> int:
    """Entries of a batch that no pace tells the size of: few where one command does them all, at a cost not known."""
    if action.paced:
        return FIRST
    return BATCH if alone or hurries or action.pieces else GENTLE


def _known(batch: AnyBatch) -> Done:
    """What is settled of a batch before its work is done."""
    return Done.together(Done.of(batch.settled), Done(counts=batch.passed))


def _undone(work: Sequence[Work], found: Done) -> tuple[Sequence[Work], list[tuple[str, str]]]:
    """The part of the work that was certainly not done, and the results of the rest."""
    if not found.named:
        return (work if set(found.counts) == {"failed"} else []), []
    failed = set(found.named.get("failed", "").split())
    return part_of(work, failed), [(id_, result) for id_, result in found.pairs if result != "failed"]
