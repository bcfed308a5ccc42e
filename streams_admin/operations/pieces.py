"""How a batch is read and done: at once, or in pieces with rests between. Saves nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from dashboard.streams.errors import OutcomeUnknown, StreamError, Unreachable
from streams_admin import identity
from streams_admin.actions import gate
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import BATCH, AnyContext
from streams_admin.actions.work import AnyBatch, Batch, Done, Work, ids_of, part_of
from streams_admin.identity import Replaced
from streams_admin.operations import state
from streams_admin.operations.connections import Connections
from streams_admin.operations.pacing import Pace, Paces, Piece, divided, measured, paces_of
from streams_admin.operations.state import Running

GENTLE = 50
"""Entries that are read or done at once where it is not known what one costs: nobody waits longer than these take."""
LOOK_AFTER = (0.2, 1.0, 2.0)
"""Seconds before each look at what came of a write whose reply was lost."""
BACKOFF = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)
"""Seconds before what did not reach the server is asked again: half a minute, in which one that restarts is back."""
Answer = TypeVar("Answer")


class AtOnce:
    """`ctx.most` entries in one go.

    `beat` is called at each pause, and shows that the runner lives. `waits`: for a server that is away.
    `connections`: on which something may still be on its way.
    """

    def __init__(
        self,
        running: Running,
        ctx: AnyContext,
        action: AnyAction,
        beat: Callable[[], None],
        connections: Connections,
        *,
        waits: bool,
    ) -> None:
        self.running, self.operation = running, running.operation
        self.ask, self.action = ctx, action
        self.seen = gate.seen_of(running.operation.plan)
        self._heartbeat, self._connections, self._waits = beat, connections, waits
        self.done: list[Done] = []
        """What came of the pieces of a batch that is not through."""

    def read(self, cursor: object) -> AnyBatch:
        """What is done next, from `cursor` on. Raises StreamError, TakenOver."""
        return self._look(self.ask, cursor)

    def act(self, work: Sequence[Any]) -> Done:
        """Do what was read last. Raises StreamError when no more was done than `done` says, TakenOver."""
        self.done, most = [], self.action.at_once
        if most is None:
            return self.attempt(work)
        for part in divided(work, lambda: most):
            self.done.append(self.attempt(part))
        return self._through()

    def _through(self) -> Done:
        done, self.done = Done.together(*self.done), []
        return done

    def attempt(self, work: Sequence[Work]) -> Done:
        """Act at once; when the reply is lost, look what came of it. What cannot be found out is unknown.

        Who does not wait for that (a request) gets OutcomeUnknown: another finds out by what was saved before.
        """
        try:
            done = self._retrying_reads(lambda: self.action.act(self.ask, self.seen, work))
            self.running.spent -= done.waited
            return done
        except OutcomeUnknown:
            if not self._waits:
                raise
            return self.after_a_lost_reply(work)

    def after_a_lost_reply(self, work: Sequence[Work]) -> Done:
        """What came of it. What was not done, and is done once at most however late it arrives, is sent again."""
        found, final = self.look(work)
        if self.action.idempotent and set(found.counts) == {"failed"}:
            return self.resend(work, final=final)
        return found if final else self.unsure(work, found)

    def resend(self, work: Sequence[Work], *, final: bool) -> Done:
        """Once more what was not done when somebody looked. `final`: and what was sent before does not arrive any more.

        Where it does not get through this time either: what is found out then.
        """
        try:
            done = self._retrying_reads(lambda: self.action.act(self.ask, self.seen, work))
        except Replaced:
            raise
        except OutcomeUnknown:
            return self.found_out(work)
        except StreamError:
            return Done.uniform("failed", work) if final and ids_of(work) else unknown(work)
        return self._or_arrived(done, work)

    def redo(self, work: Sequence[Work], *, final: bool) -> Done:
        """As `attempt`, of what another process was about to do. `final`: its own command does not arrive any more."""
        try:
            done = self.attempt(work)
        except StreamError as error:
            if isinstance(error, Replaced):
                raise
            found, _ = self.look(work)
            if set(found.counts) <= {"failed", "unknown"}:
                if final:
                    raise
                return unknown(work)
            return found if final else self.unsure(work, found)
        return self._or_arrived(done, work)

    def _or_arrived(self, done: Done, work: Sequence[Work]) -> Done:
        """`done` of what was sent a second time. What was refused then, the first one may have done: late."""
        refused = work if done.again else part_of(work, _not_done(done))
        if not refused:
            return done
        found, _ = self.look(refused)
        if set(found.counts) == {"failed"}:
            return done
        return found if done.again else _corrected(done, found)

    def verify(self) -> None:
        """Raises Replaced when another server, or another stream, is there by now."""
        self._timed(lambda: identity.check(self.ask, self.operation.plan.identity))

    def found_out(self, work: Sequence[Work]) -> Done:
        """What came of work: "failed" where it was not done and will not be any more. Raises Replaced."""
        found, final = self.look(work)
        return found if final else self.unsure(work, found)

    def unsure(self, work: Sequence[Work], found: Done) -> Done:
        """What was found, where the command may still arrive."""
        return self.action.unsure(self.seen, work, found)

    def look(self, work: Sequence[Work]) -> tuple[Done, bool]:
        """What came of work so far, by reading; and whether it stays so, because the connections it was sent on were
        ended before. Raises Replaced.
        """
        for pause in LOOK_AFTER:
            time.sleep(pause)
            self._heartbeat()
            try:
                self.verify()
                final = self._connections.end(self.ask.server)
                return self.action.reconcile(self.ask, self.seen, work), final
            except Replaced:
                raise
            except StreamError:
                continue
        return unknown(work), False

    def identify(self) -> None:
        """As `verify`, and waits for a server that is away. Raises StreamError."""
        self._retrying_reads(self.verify)

    def _look(self, ctx: AnyContext, cursor: object) -> AnyBatch:
        return self._retrying_reads(lambda: self.action.batch(ctx, self.seen, cursor))

    def _retrying_reads(self, what: Callable[[], Answer]) -> Answer:
        """What is unreachable was not done: it is asked again, and the last time raises.

        Who answers after an outage may be another server: raises Replaced.
        """
        if not self._waits:
            return self._timed(what)
        with suppress(Unreachable):
            return self._timed(what)
        for pause in BACKOFF:
            time.sleep(pause)
            self._heartbeat()
            with suppress(Unreachable):
                self.verify()
                return self._timed(what)
        self.verify()
        return self._timed(what)

    def _timed(self, what: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        answer = what()
        self.running.spent += time.monotonic() - began
        return answer


def _not_done(done: Done) -> set[str]:
    return {id_ for id_, result in done.pairs if result != "done"}


def _corrected(done: Done, found: Done) -> Done:
    """`done`, with what was found out by reading where that says more than that it was not done."""
    known = {id_: result for id_, result in found.pairs if result != "failed"}
    return Done.of((id_, known.get(id_, result)) for id_, result in done.pairs)


def unknown(work: Sequence[Work]) -> Done:
    """Nobody knows what came of it."""
    return Done.uniform("unknown", work) if ids_of(work) else Done(counts=Counter(unknown=len(work)))


class Paced(AtOnce):
    """By what the pieces before have cost the server. Waits for a server that is away."""

    def __init__(
        self, running: Running, ctx: AnyContext, action: AnyAction, beat: Callable[[], None], connections: Connections
    ) -> None:
        super().__init__(running, ctx, action, beat, connections, waits=True)

    @contextmanager
    def _piece(self, pace: Pace) -> Iterator[Piece]:
        """What is done within; its `entries`, and what it `waited`, are to be set.

        What it has spent is what it cost the server, and not what it took us.
        """
        before = self.running.spent
        with measured(self.ask.server, ask=pace.asks) as piece:
            trips = self.running.trips
            yield piece
            piece.trips = self.running.trips - trips
        seconds = piece.seconds - piece.waited
        self.running.spent = before + pace.took(seconds, piece.entries, piece.served, trips=piece.trips)

    def _do(self, pace: Pace, work: Sequence[Any]) -> Done:
        with self._piece(pace) as piece:
            done = self.attempt(work)
            piece.entries, piece.waited = sum(done.counts.values()), done.waited
        return done

    def _paces(self) -> Paces:
        most = self.action.paced or self.action.at_once or BATCH
        return self._retrying_reads(lambda: paces_of(self.operation.pk, self.ask.server, most))


class InBatches(Paced):
    """Each batch is one command, of the size that `pace` tells."""

    def read(self, cursor: object) -> AnyBatch:
        return self._look(replace(self.ask, most=self._paces().acting.size()), cursor)

    def act(self, work: Sequence[Any]) -> Done:
        self.done = []
        return self._do(self._paces().acting, work)


class InPieces(Paced):
    """Batches in pieces of the size that `pace` tells, with rests between."""

    def __init__(
        self, running: Running, ctx: AnyContext, action: AnyAction, beat: Callable[[], None], connections: Connections
    ) -> None:
        super().__init__(running, ctx, action, beat, connections)
        self._read_at = 0.0

    def read(self, cursor: object) -> AnyBatch:
        """Some entries, a rest, and so on; as if all had been read with the last ones."""
        pace, looks = self._paces().reading, list[tuple[float, AnyBatch]]()
        room, last = BATCH, False
        while room and not last:
            if looks:
                self._rest()
            most = min(room, self._most(pace, cursor))
            with self._piece(pace) as piece:
                piece.entries = most
                found = self._look(replace(self.ask, most=most), cursor)
            self._read_at = time.monotonic()
            looks.append((self._read_at, found))
            cursor, room, last = found.cursor, room - most, found.last
        work = [item for at, found in looks for item in self.action.aged(found.work, _ms(self._read_at - at))]
        settled = [pair for _, found in looks for pair in found.settled]
        return Batch(work, cursor, settled, last, sum((found.passed for _, found in looks), Counter()))

    def act(self, work: Sequence[Any]) -> Done:
        self.done = []
        pace = self._paces().acting
        for piece in divided(work, pace.size):
            self._rest()
            older = self.action.aged(piece, _ms(time.monotonic() - self._read_at))
            self.done.append(self._do(pace, older))
        return self._through()

    def _most(self, pace: Pace, cursor: object) -> int:
        """What takes several round trips is cut by what the entries weigh: how many they are says little."""
        one_trip = self.action.reading(self.ask, self.seen, cursor) is not None
        return pace.size() if one_trip else GENTLE

    def _rest(self) -> None:
        state.rest(self.running)
        self._heartbeat()


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
