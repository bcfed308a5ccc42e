"""A watched server: its configuration, the link to it, and what it said of itself."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from dashboard.streams.capabilities import Capabilities, Probe
from dashboard.streams.config import ServerConfig
from dashboard.streams.errors import StreamError, Unreachable
from dashboard.streams.links.base import Link
from dashboard.streams.links.pending_reply import PendingReply
from dashboard.streams.links.runner import arun, run
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.links.writing.writer import Writer
from dashboard.streams.queries import Query
from dashboard.streams.queries.probe import ProbeQuery
from dashboard.streams.snapshots import ServerFacts

T = TypeVar("T")
FACTS_AGE = 60.0
"""Seconds after which the role and the topology of a server are read again."""
NOT_READ = ServerFacts("unknown", "unknown", *2 * ("The server has not answered yet.",))


@dataclass(frozen=True, slots=True)
class _Probed:
    probe: Probe
    generation: int
    at: float
    """Monotonic seconds."""


class Server:
    """`run` and `arun` a query, `send` one whose value is read later; `writer` is only for streams_admin.writes."""

    def __init__(self, config: ServerConfig, link: Link | None = None) -> None:
        self.config = config
        self.link = link or Standalone(config)
        self._probed: _Probed | None = None

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def title(self) -> str:
        """What people call it; in addresses it is `name`."""
        return self.config.title or self.config.name

    @property
    def writer(self) -> Writer:
        return self.link.writer

    @property
    def down(self) -> Unreachable | None:
        """Why it did not answer the last time; None when it did."""
        return self.link.breaker.error

    @property
    def down_since(self) -> float | None:
        """Epoch seconds of the first failure of this outage."""
        return self.link.breaker.since

    def run(self, query: Query[T]) -> T:
        """The value of a query, however many round trips it takes. Raises StreamError."""
        return run(self.link, query)

    async def arun(self, query: Query[T]) -> T:
        """As `run`, on the running event loop."""
        return await arun(self.link, query)

    def send(self, query: Query[T]) -> PendingReply[T]:
        """As `run`, for a query of one round trip whose value is read later. Raises StreamError."""
        return PendingReply(query, self.link.send(query.build()))

    def capabilities(self) -> Capabilities:
        """What the server can do: probed once, and again after an outage. Raises StreamError."""
        return (self._known() or self._learn(self.run(ProbeQuery()))).capabilities

    async def acapabilities(self) -> Capabilities:
        """As `capabilities`, on the running event loop."""
        return (self._known() or self._learn(await self.arun(ProbeQuery()))).capabilities

    def facts(self, max_age: float = FACTS_AGE) -> ServerFacts:
        """Topology and role: probed again after an outage and after `max_age` seconds. Raises StreamError."""
        return (self._known(max_age) or self._learn(self.run(ProbeQuery()))).facts

    async def afacts(self, max_age: float = FACTS_AGE) -> ServerFacts:
        """As `facts`, on the running event loop."""
        return (self._known(max_age) or self._learn(await self.arun(ProbeQuery()))).facts

    @property
    def known_facts(self) -> ServerFacts:
        """Topology and role as they were probed last, without asking now; unknown before that and after an outage."""
        known = self._known()
        return known.facts if known else NOT_READ

    @property
    def is_replica(self) -> bool:
        """As far as is known without asking."""
        return self.known_facts.role == "replica"

    @property
    def read_only_reason(self) -> str:
        """Why nothing is written to it through this site, as far as is known without asking; "" where it may be."""
        if self.config.read_only:
            return f"{self.title} is configured as read-only."
        if self.is_replica:
            return f"{self.title} is a replica: only its primary takes writes."
        return ""

    def refuses_writes(self) -> str:
        """As `read_only_reason`, with the role probed anew where it is old. No answer is no reason."""
        with suppress(StreamError):
            self.facts()
        return self.read_only_reason

    def _known(self, max_age: float | None = None) -> Probe | None:
        probed = self._probed
        if probed is None or probed.generation != self.link.breaker.generation:
            return None
        too_old = max_age is not None and time.monotonic() - probed.at > max_age
        return None if too_old else probed.probe

    def _learn(self, probe: Probe) -> Probe:
        self._probed = _Probed(probe, self.link.breaker.generation, time.monotonic())
        self.link.learned(probe.facts)
        return probe

    async def aclose(self) -> None:
        """Close what belongs to the running loop."""
        await self.link.aclose()

    def close(self) -> None:
        """Close the sync connections."""
        self.link.close()
