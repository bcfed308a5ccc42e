"""One loop per server: inventory and numbers, judged, published as a new ServerSnapshot.

Rounds keep their distance: the next begins after SAMPLE_EVERY seconds, and not before five times what the last one
cost, so that looking never takes more than about a sixth of a server's time.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from threading import Lock

from dashboard.config.active import configured
from dashboard.fleet.findings.model import Movement
from dashboard.fleet.findings.server.unreachable import unreachable
from dashboard.fleet.incidents.ledger import now_ms
from dashboard.fleet.incidents.recorder import Recorder, Rows
from dashboard.fleet.limits import limits
from dashboard.fleet.memory import Memory
from dashboard.fleet.rounds.agenda import Agenda
from dashboard.fleet.rounds.glances import Glances
from dashboard.fleet.rounds.looks import Looks
from dashboard.fleet.rounds.slices import Slices
from dashboard.fleet.server_memory import ServerMemory
from dashboard.fleet.shown import QUIET, of_server, of_stream
from dashboard.fleet.snapshots import ServerSnapshot, StreamState
from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone, NotAllowed, NotAStream, StreamError, UnknownCommand, Unreachable
from dashboard.streams.links import Server
from dashboard.streams.queries import ScanStreams
from dashboard.streams.queries.sampling import StreamSample
from dashboard.streams.queries.server import ServerFigures, ServerQuery

CHUNK = 50
"""Streams per pipeline."""
TURNS, TURN_SECONDS = 500, 0.5
"""Streams that are looked into in turn, in one round: so many at least, and more for so long."""
SCAN_STEPS = 20
"""SCAN calls of 1,000 keys in one round; a larger keyspace takes several rounds and is incomplete until then."""
REPLICA = "This is a replica, which does not learn when consumers read: whether they are silent or gone is unknown."
GREW = 1000
"""Streams that came since what lasts was last set aside for the garbage collector."""
LEISURE = 5
"""Rest between rounds, in times of what the last round cost."""


class Sampler:
    """Samples one server. `snapshot` is always the latest published one."""

    def __init__(self, server: Server, published: Callable[[], None], rows: Rows | None = None) -> None:
        """`published` is called after every round that has changed what pages show, and every shown.QUIET seconds.

        `rows`: where incidents are recorded; None: nowhere.
        """
        self.server = server
        self.busy = Lock()
        """Held by a request that samples, where no loop does that."""
        self._published = published
        self.snapshot = ServerSnapshot(server.name)
        self.incidents = Recorder(server.name, rows, published)
        ledger = self._ledger = self.incidents.ledger
        self.memory = Memory(limits(), ledger.since_ms)
        self._of_server = ServerMemory(limits(), ledger.since_ms)
        self._keys: set[bytes] = set()
        self._met: set[bytes] = set()
        self._cursor = 0
        self._shut_out = False
        self._refused = ""
        """Why the server does not tell of streams that are there; "" when it does."""
        self._met_before: tuple[Capabilities, bool] | None = None
        self._compares = True
        """Whether the server lets us compare replies; else every stream is looked into in every round."""
        self._states: dict[bytes, StreamState] = {}
        self._owed: dict[bytes, int] = {}
        """Streams to look into, which changed or are due, each with when it was last seen unchanged (0: unknown)."""
        self._blind: dict[bytes, str] = {}
        """Those with a group that cannot be looked into, and why."""
        self._set_aside = 0
        self._glances, self._agenda = Glances(), Agenda()
        self._looks = Looks(server)
        self._shown: dict[bytes, int] = {}
        self._shown_of_server = 0
        self._news = True
        """Whether anything that pages show has changed since watchers were told last, and when that was."""
        self._told_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """For ever: a round, then rest."""
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        while True:
            self._woken.clear()
            await self.round()
            await self._rest(max(configured().sample_every, LEISURE * self.snapshot.cost))

    async def _rest(self, seconds: float) -> None:
        """Until it is time, or somebody says that there is something to see."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
            await asyncio.sleep(LEISURE * self.snapshot.cost)
        except TimeoutError:
            pass

    def wake(self) -> None:
        """Look again soon. From any thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    async def round(self) -> None:
        """One round. A server that does not answer leaves the last values standing, with the reason."""
        began = time.monotonic()
        try:
            can = await self.server.acapabilities()
            await self._inventory()
            await self.server.afacts(max_age=0)  # a server may have become a replica since the last round
            await self._numbers(can)
            figures = await self.server.arun(ServerQuery())
            self._publish(figures, can, time.monotonic() - began)
            self._settle()
        except StreamError as error:
            self._is_out(error)
        self.incidents.round_is_over()
        self._tell()

    def _is_out(self, error: StreamError) -> None:
        """The server cannot be read: it may have been so since before this process began."""
        now = now_ms()
        down_ms = int(self.snapshot.down_since * 1000) if self.snapshot.down_since else now
        found = unreachable(error.message, down_ms, now)
        recorded = self._ledger.since_ms(found.identity)
        since_ms = down_ms if recorded is None else min(recorded, down_ms)
        self._ledger.note("outage", (replace(found, since_ms=since_ms),), now)
        self.snapshot = replace(self.snapshot, error=error.message, down_since=since_ms / 1000)

    def _tell(self) -> None:
        """Whoever watches reads again what has changed; seldom, where nothing has."""
        shown = of_server(self.snapshot)
        if self._news or shown != self._shown_of_server or time.monotonic() - self._told_at >= QUIET:
            self._news, self._shown_of_server, self._told_at = False, shown, time.monotonic()
            self._published()

    def _note(self, key: bytes, state: StreamState) -> None:
        self._states[key] = state
        self._ledger.note(key, state.findings, state.sample.now_ms)
        shown = of_stream(state, self.memory.limits)
        self._news |= self._shown.get(key) != shown
        self._shown[key] = shown

    def _settle(self) -> None:
        """What is known of many streams lasts: the garbage collector would stop everybody to walk through it."""
        if len(self._states) >= self._set_aside + GREW:
            gc.freeze()
            self._set_aside = len(self._states)

    async def _inventory(self) -> None:
        """SCAN on from where the last round ended. What a full pass did not meet is gone, what it met is asked anew."""
        for _ in range(SCAN_STEPS):
            self._cursor, keys = await self.server.arun(ScanStreams(self._cursor))
            found = {key for key in keys if self.server.config.looks_at(key)}
            self._met |= found
            self._glances.add(found - self._keys)
            self._keys |= found
            if self._cursor == 0:
                vanished, back = self._keys - self._met, self._met - self._keys
                self._keys, self._met = self._met, set()
                self._glances.add(back)
                self._forget(vanished)
                self._shut_out = False
                self.snapshot = replace(self.snapshot, complete=True)
                return

    async def _numbers(self, can: Capabilities) -> None:
        """Look into what may have changed, what is due, and some of what is looked into in turn."""
        self._refused = ""
        self._meet(can)
        self._looks.begin()
        self.memory.begin(self._looks.now_ms())
        await self._glance()
        for key in self._agenda.due(self._looks.now_ms()):
            self._owed.setdefault(key, 0)
        others = {*self._owed, *self._agenda.always}
        await self._look_into(others)
        await self._look_in_turn(others)
        slices = Slices()
        for key, rates in self.memory.rest(self._looks.now_ms()):
            if key in self._states:  # else the server refuses it just now
                self._note(key, self._states[key].at_rest(*rates))
            await slices.rest()

    def _meet(self, can: Capabilities) -> None:
        """A server that became another one, or plays another part: nothing is as it was judged before."""
        met = can, self.server.is_replica
        if met != self._met_before:
            self._met_before, self._compares = met, True
            self._glances.forget()

    async def _glance(self) -> None:
        """Which streams may have changed. Where the server does not let us compare replies, it may be all of them."""
        try:
            if self._compares:
                await self._glances.look(self.server.link.unparsed, self._looks.now_ms, self._owed)
        except NotAllowed:
            self._compares = False
        if not self._compares:
            self._owed |= dict.fromkeys(self._keys, 0)

    async def _look_in_turn(self, others: Container[bytes]) -> None:
        until, waiting, looked = time.monotonic() + TURN_SECONDS, self._agenda.in_turn(others), 0
        while looked < TURNS or time.monotonic() < until:
            chunk = tuple(islice(waiting, CHUNK))
            if not chunk:
                return
            await self._look_into(chunk)
            looked += len(chunk)

    async def _look_into(self, keys: Iterable[bytes]) -> None:
        """Sample and judge these streams."""
        slices, wanted, can = Slices(), sorted(keys), await self.server.acapabilities()
        for at in range(0, len(wanted), CHUNK):
            async for look in self._looks.at(tuple(wanted[at : at + CHUNK]), can):
                if isinstance(look.sample, StreamSample):
                    self._take(look.sample, look.further)
                else:
                    self._give_up(look.key, look.sample)
                await slices.rest()

    def _take(self, sample: StreamSample, further: Sequence[StreamSample]) -> None:
        key = sample.facts.key
        sample = replace(sample, replica=True) if self.server.is_replica else sample
        state = self.memory.take(sample, further, unchanged_until=self._owed.pop(key, 0))
        self._note(key, state)
        self._agenda.note(state, self.memory.due_ms(key))
        why = next((group.refused for group in sample.groups if group.refused), "")
        if why:
            self._blind[key] = why
        else:
            self._blind.pop(key, None)

    def _give_up(self, key: bytes, error: StreamError) -> None:
        """A stream that vanished, became another type, may not be read, or that the server refuses to tell of."""
        if isinstance(error, Unreachable):
            raise error
        absent = isinstance(error, Gone | NotAStream | NotAllowed) and not isinstance(error, UnknownCommand)
        if not absent:  # it stays in sight, with the reason
            self._refused = error.message
            self._owed[key] = 0
            self._states.pop(key, None)
            return
        self._shut_out = self._shut_out or isinstance(error, NotAllowed)
        self._keys.discard(key)
        self._forget([key], hidden=isinstance(error, NotAllowed))

    def _forget(self, keys: Collection[bytes], *, hidden: bool = False) -> None:
        """Streams that are not there any more; `hidden`: or that may not be read any more."""
        self._glances.drop(keys)
        for key in keys:
            self.memory.forget([key], hidden=hidden)
            if hidden:
                self._ledger.lose_sight(key)
            else:
                self._ledger.note(key, (), self._looks.now_ms())
            self._states.pop(key, None)
            self._news |= self._shown.pop(key, None) is not None
            self._owed.pop(key, None)
            self._agenda.drop(key)
            self._blind.pop(key, None)

    def _publish(self, figures: ServerFigures, can: Capabilities, cost: float) -> None:
        at_ms = self._looks.now_ms()
        self.snapshot = ServerSnapshot(
            name=self.server.name,
            at=time.time(),
            now_ms=at_ms,
            info=can.info,
            gaps=self._gaps(),
            left_out=self._left_out(),
            unchecked=sum(state.unchecked for state in self._states.values()),
            complete=self.snapshot.complete,
            streams=self._states.copy(),
            findings=self._of_server.take(figures, at_ms, self.server.link.tally.no_group),
            vanished=self.memory.vanished(at_ms),
            figures=figures,
            cost=cost,
        )
        self._ledger.note("outage", (), now_ms())
        self._ledger.note("server", self.snapshot.findings, at_ms)
        self._ledger.note("vanished", self.snapshot.vanished, at_ms)
        self._ledger.settle(self._states, self._keys, at_ms, complete=self.snapshot.complete)

    def _gaps(self) -> str:
        """What the configured user may not read: nothing is claimed about that."""
        blind = next(iter(self._blind.values()), "")
        sentences = (
            self._left_out(),
            f"Pending entries cannot be read (XPENDING, XINFO): what is stuck is unknown. {blind}" if blind else "",
            REPLICA if self.server.is_replica else "",
        )
        return " ".join(filter(None, sentences))

    def _left_out(self) -> str:
        """Why streams that are there are not in the snapshot."""
        sentences = (
            "The configured user may not read some streams; they are left out." if self._shut_out else "",
            f"Streams cannot be read (XINFO). {self._refused}" if self._refused else "",
        )
        return " ".join(filter(None, sentences))

    def movement(self, key: bytes, group: bytes, now_ms: int) -> Movement:
        return self.memory.movement(key, group, now_ms)
