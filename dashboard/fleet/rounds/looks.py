"""Looking into streams: their facts, groups, consumers, and pending lists part by part."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries.sampling import GoOn, SampleStreams, StreamSample
from dashboard.streams.samples import Samples

LOOK_ON = 0.25
"""Seconds of one round for going on in long pending lists, per chunk of streams."""


class Look(NamedTuple):
    """What was seen of a stream, or why it could not be. `further`: more of its pending lists."""

    key: bytes
    sample: StreamSample | StreamError
    further: Sequence[StreamSample] = ()


class Looks:
    """Remembers where each pending list was left, and the server's clock."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._go_on: dict[bytes, dict[bytes, StreamId]] = {}
        """Per stream and group, where its pending list was left in the look before."""
        self._turn = 0
        self._ahead_ms = int(time.time() * 1000) - _steady_ms()
        """How far the server's clock is ahead of ours that never jumps."""

    def now_ms(self) -> int:
        """The server's clock, by ours and by how they differed when it was read last."""
        return _steady_ms() + self._ahead_ms

    def begin(self) -> None:
        """A new round: of too many groups of one stream others have their turn."""
        self._turn += 1

    async def at(self, keys: tuple[bytes, ...], can: Capabilities) -> AsyncIterator[Look]:
        """One look at each of these streams. Raises StreamError where the server does not answer."""
        samples = await self._sampled(keys, can)
        further = await self._look_on(keys, can)
        for key, sample in samples.items():
            yield Look(key, sample, further.get(key, ()))

    async def _sampled(self, keys: tuple[bytes, ...], can: Capabilities) -> Samples:
        samples = await self.server.arun(SampleStreams(keys, can, self._places(keys), self._turn))
        for key, sample in samples.items():
            self._remember_where(key, sample)
            if isinstance(sample, StreamSample):
                self._ahead_ms = sample.now_ms - _steady_ms()
        return samples

    async def _look_on(self, keys: tuple[bytes, ...], can: Capabilities) -> dict[bytes, list[StreamSample]]:
        """Go on in long pending lists of these streams, for a while: what is left is for the next round."""
        until, found = time.monotonic() + LOOK_ON, dict[bytes, list[StreamSample]]()
        while time.monotonic() < until and (left := tuple(key for key in keys if key in self._go_on)):
            samples = await self.server.arun(SampleStreams(left, can, self._places(left), self._turn, further=True))
            for key, sample in samples.items():
                if isinstance(sample, StreamSample):
                    went_on = tuple(g for g in sample.groups if g.began > MIN or g.waits)
                    sample = replace(sample, groups=went_on)
                    found.setdefault(key, []).append(sample)
                self._remember_where(key, sample)
        return found

    def _places(self, keys: tuple[bytes, ...]) -> GoOn:
        return {(key, group): at for key in keys for group, at in self._go_on.get(key, {}).items()}

    def _remember_where(self, key: bytes, sample: StreamSample | StreamError) -> None:
        """Where each group's pending list was left; nothing of groups that are not there any more."""
        groups = sample.groups if isinstance(sample, StreamSample) else ()
        waiting = {group.facts.name for group in groups if group.waits}
        left = {name: at for name, at in self._go_on.get(key, {}).items() if name in waiting}
        left |= {g.facts.name: g.go_on for g in groups if g.go_on > MIN and not g.waits}
        if left:
            self._go_on[key] = left
        else:
            self._go_on.pop(key, None)


def _steady_ms() -> int:
    return int(time.monotonic() * 1000)
