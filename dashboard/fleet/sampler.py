"""One loop per server: inventory and numbers, judged, published as a new ServerSnapshot.

Rounds keep their distance: the next begins after SAMPLE_EVERY seconds, and not before five times what the last one
cost, so that looking never takes more than about a sixth of a server's time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from dashboard.config.active import configured
from dashboard.fleet.findings.model import Movement
from dashboard.fleet.limits import limits
from dashboard.fleet.memory import Memory
from dashboard.fleet.server_memory import ServerMemory
from dashboard.fleet.snapshots import ServerSnapshot, StreamState
from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone, NotAllowed, NotAStream, StreamError, Unreachable
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import ScanStreams
from dashboard.streams.queries.sampling import SampleStreams, StreamSample
from dashboard.streams.queries.server import ServerFigures, ServerQuery

CHUNK = 100
"""Streams per pipeline."""
SCAN_STEPS = 20
"""SCAN calls of 1,000 keys in one round; a larger keyspace takes several rounds and is incomplete until then."""
LOOK_ON = 0.25
"""Seconds of one round for going on in long pending lists, per chunk."""
REPLICA = "This is a replica, which does not learn when consumers read: whether they are silent or gone is unknown."
LEISURE = 5
"""Rest between rounds, in times of what the last round cost."""


class Sampler:
    """Samples one server. `snapshot` is always the latest published one."""

    def __init__(self, server: Server, published: Callable[[], None]) -> None:
        """`published` is called after every round."""
        self.server = server
        self._published = published
        self.snapshot = ServerSnapshot(server.name)
        self.memory = Memory(limits())
        self._of_server = ServerMemory(limits())
        self._keys: set[bytes] = set()
        self._met: set[bytes] = set()
        self._cursor = 0
        self._shut_out = False
        self._refused = ""
        """Why the server does not tell of streams that are there; "" when it does."""
        self._go_on: dict[tuple[bytes, bytes], StreamId] = {}
        self._turn = 0
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
            await asyncio.wait_for(self._woken.wait(), seconds)
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
            await self.server.afacts()
            can = await self.server.acapabilities()
            await self._inventory()
            states = await self._numbers(can)
            figures = await self.server.arun(ServerQuery())
            self._publish(states, figures, can, time.monotonic() - began)
        except StreamError as error:
            self.snapshot = replace(
                self.snapshot, error=error.message, down_since=self.snapshot.down_since or time.time()
            )
        self._published()

    async def _inventory(self) -> None:
        """SCAN on from where the last round ended. What a full pass did not meet is gone, what it met is asked anew."""
        for _ in range(SCAN_STEPS):
            self._cursor, keys = await self.server.arun(ScanStreams(self._cursor))
            found = {key for key in keys if self.server.config.looks_at(key)}
            self._met |= found
            self._keys |= found
            if self._cursor == 0:
                vanished, self._keys, self._met = self._keys - self._met, self._met, set()
                self.memory.forget(vanished)
                self._shut_out = False
                self.snapshot = replace(self.snapshot, complete=True)
                return

    async def _numbers(self, can: Capabilities) -> dict[bytes, StreamState]:
        states: dict[bytes, StreamState] = {}
        self._refused = ""
        self.memory.begin(self.snapshot.present_ms or int(time.time() * 1000))
        keys, replica = sorted(self._keys), self.server.is_replica
        for at in range(0, len(keys), CHUNK):
            chunk = tuple(keys[at : at + CHUNK])
            samples = await self.server.arun(SampleStreams(chunk, can, self._go_on, self._turn))
            for key, sample in samples.items():
                self._remember_where(key, sample)
                if not isinstance(sample, StreamSample):
                    self._give_up(key, sample)
            further = await self._look_on(can, chunk)
            for key, sample in samples.items():
                if isinstance(sample, StreamSample):
                    states[key] = self.memory.take(replace(sample, replica=replica), further.get(key, ()))
            await asyncio.sleep(0)
        self._turn += 1
        return states

    async def _look_on(self, can: Capabilities, chunk: tuple[bytes, ...]) -> dict[bytes, list[StreamSample]]:
        """Go on in long pending lists of these streams, for a while: what is left is for the next round."""
        until, found = time.monotonic() + LOOK_ON, dict[bytes, list[StreamSample]]()
        left = {key for key, _ in self._go_on}
        while time.monotonic() < until and (keys := tuple(key for key in chunk if key in left)):
            samples = await self.server.arun(SampleStreams(keys, can, self._go_on, self._turn, further=True))
            for key, sample in samples.items():
                if isinstance(sample, StreamSample):
                    went_on = tuple(g for g in sample.groups if g.began > MIN or g.waits)
                    found.setdefault(key, []).append(replace(sample, groups=went_on))
                self._remember_where(key, found[key][-1] if isinstance(sample, StreamSample) else sample)
            left = {key for key, _ in self._go_on}
        return found

    def _remember_where(self, key: bytes, sample: StreamSample | StreamError) -> None:
        """Where each group's pending list was left; nothing of groups that are not there any more."""
        groups = sample.groups if isinstance(sample, StreamSample) else ()
        waiting = {group.facts.name for group in groups if group.waits}
        for at in [at for at in self._go_on if at[0] == key and at[1] not in waiting]:
            del self._go_on[at]
        self._go_on.update({(key, g.facts.name): g.go_on for g in groups if g.go_on > MIN and not g.waits})

    def _give_up(self, key: bytes, error: StreamError) -> None:
        """A stream that vanished, became another type, may not be read, or that the server refuses to tell of."""
        if isinstance(error, Unreachable):
            raise error
        if isinstance(error, Gone | NotAStream):
            self._keys.discard(key)
            self.memory.forget([key])
        elif isinstance(error, NotAllowed):
            self._keys.discard(key)
            self._shut_out = True
            self.memory.forget([key])
        else:  # not an absence: it stays in sight, with the reason
            self._refused = error.message

    def _publish(
        self, states: dict[bytes, StreamState], figures: ServerFigures, can: Capabilities, cost: float
    ) -> None:
        now_ms = max((s.sample.now_ms for s in states.values()), default=int(time.time() * 1000))
        self.snapshot = ServerSnapshot(
            name=self.server.name,
            at=time.time(),
            now_ms=now_ms,
            info=can.info,
            gaps=self._gaps(states),
            complete=self.snapshot.complete,
            streams=states,
            findings=self._of_server.take(figures, now_ms),
            figures=figures,
            cost=cost,
        )

    def _gaps(self, states: Mapping[bytes, StreamState]) -> str:
        """What the configured user may not read: nothing is claimed about that."""
        blind = any(group.refused for state in states.values() for group in state.sample.groups)
        sentences = (
            "The configured user may not read some streams; they are left out." if self._shut_out else "",
            f"Streams cannot be read (XINFO). {self._refused}" if self._refused else "",
            "The configured user may not read pending entries (XPENDING, XINFO): what is stuck is unknown."
            if blind
            else "",
            REPLICA if self.server.is_replica else "",
        )
        return " ".join(filter(None, sentences))

    def movement(self, key: bytes, group: bytes, now_ms: int) -> Movement:
        return self.memory.movement(key, group, now_ms)
