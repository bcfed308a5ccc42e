"""What stands on one server, what the database has of it, and the difference: what is to be written.

Without a database and without a clock of its own but for when something went. Changed on the loop of the sampler (or
by who samples instead); pages look up single incidents, from any thread.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple
from uuid import UUID

from dashboard.fleet.findings.model import Finding, Identity, Severity

Place = bytes | Literal["server", "vanished", "outage"]
"""What is judged as a whole: a stream by its key, the server, groups gone with their stream, whether it answers."""
BATCH = 200
"""Changes that are written at a time."""
NAME_MOST = 65_536
"""Bytes of a name: a finding about a longer one is shown, and not recorded."""
RULES_NEED_MS = 120_000
"""After a start: some rules compare rounds of a minute, and find nothing before. Until then nothing is over."""


class Mute(NamedTuple):
    """Until when nobody wants to see it, why, and who says so. Times in ms of our own clock."""

    until_ms: int
    at_ms: int
    by: str
    reason: str


class OpenIncident(NamedTuple):
    """An incident as the database has it. `times`: how often it came, 1 unless it went for a short while."""

    id: UUID
    since_ms: int
    severity: Severity
    worst: Severity
    times: int = 1
    mute: Mute | None = None

    @property
    def is_muted(self) -> bool:
        return self.mute is not None and self.mute.until_ms > now_ms()


class Gone(NamedTuple):
    """A finding that does not stand any more. `at_ms`: since when, by our clock; `server_ms`: by that of its since."""

    last: Finding | None
    at_ms: int
    server_ms: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What the database does not have yet. `changed`: what is open there with another severity."""

    opened: Mapping[Identity, Finding] = field(default_factory=dict)
    changed: Mapping[Identity, tuple[OpenIncident, Finding]] = field(default_factory=dict)
    cleared: Mapping[Identity, tuple[OpenIncident, Gone]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.cleared)


@dataclass(frozen=True, slots=True)
class Written:
    """What the database has now. `rows`: of what was opened or changed; `every`: all that is open, if that was read."""

    rows: Mapping[Identity, OpenIncident]
    every: Mapping[Identity, OpenIncident] | None = None
    version: object = None
    """Of `every`: equal as long as nobody has changed anything."""


class Ledger:
    """Of one server."""

    def __init__(self) -> None:
        self.is_loaded = False
        """Whether it is known what is open in the database: before, nothing can be said to be new, or over."""
        self.muted: dict[Identity, OpenIncident] = {}
        self._open: dict[Identity, OpenIncident] = {}
        self._found: dict[Identity, Finding] = {}
        self._of_place: dict[Place, tuple[Finding, ...]] = {}
        self._differs: dict[Identity, None] = {}
        """Where the database may not have what stands, in the order in which that came."""
        self._gone: dict[Identity, Gone] = {}
        self._unseen: set[Identity] = set()
        """Open in the database, and not judged in this process yet, or not any more."""
        self._hidden: set[Place] = set()
        """Streams that may not be read any more: nobody knows whether what was open there is over."""
        self._complete_from_ms = 0

    def of(self, identity: Identity) -> OpenIncident | None:
        """The incident of a finding; None while it is not recorded. From any thread."""
        return self._open.get(identity)

    def since_ms(self, identity: Identity) -> int | None:
        """Since when it stands by the database, in ms of the server's clock."""
        known = self._open.get(identity)
        return known.since_ms if known else None

    def muted_now(self) -> list[Identity]:
        """What is muted at this moment. From any thread."""
        return [identity for identity, known in tuple(self.muted.items()) if known.is_muted]

    @property
    def open_count(self) -> int:
        return len(self._open)

    @property
    def unwritten(self) -> int:
        """How many changes the database has not got yet."""
        return len(self._differs)

    def note(self, place: Place, findings: tuple[Finding, ...], server_ms: int) -> None:
        """All that is found at a place now, `server_ms` by the clock of its `since_ms`."""
        before = self._of_place.get(place, ())
        if findings is before and place not in self._hidden:
            return
        self._hidden.discard(place)
        now = {finding.identity: finding for finding in findings if _is_recorded(finding)}
        for finding in before:
            if finding.identity not in now and self._found.get(finding.identity) is finding:
                self._is_over(finding.identity, Gone(self._found.pop(finding.identity), now_ms(), server_ms))
        for identity, finding in now.items():
            self._stands(identity, finding)
        if findings:
            self._of_place[place] = findings
        else:
            self._of_place.pop(place, None)

    def lose_sight(self, place: Place) -> None:
        """A stream that may not be read any more: what was found there is not shown, and not over."""
        for finding in self._of_place.pop(place, ()):
            if self._found.get(finding.identity) is finding:
                del self._found[finding.identity]
                self._differs.pop(finding.identity, None)
                self._unseen.add(finding.identity)
        if any(identity[1] == place for identity in self._unseen):
            self._hidden.add(place)

    def settle(self, judged: Container[object], there: Container[object], server_ms: int, *, complete: bool) -> None:
        """After a round: what was open before this process began, and is not found, is over.

        `judged`: streams that were looked into; `there`: those that exist, all of them if `complete`.
        """
        if not self._unseen or now_ms() < self._complete_from_ms:
            return
        for identity in tuple(self._unseen):
            stream = identity[1]
            if stream in self._hidden:
                continue
            if stream is None or stream in judged or (complete and stream not in there):
                self._unseen.discard(identity)
                self._is_over(identity, Gone(None, now_ms(), server_ms))

    def changes(self) -> Changes:
        """What is to be written next: a part of it, if it is much. Empty until it is known what is open."""
        if not self.is_loaded:
            return Changes()
        opened: dict[Identity, Finding] = {}
        changed: dict[Identity, tuple[OpenIncident, Finding]] = {}
        cleared: dict[Identity, tuple[OpenIncident, Gone]] = {}
        for identity in islice(self._wanting(), BATCH):
            finding, known = self._found.get(identity), self._open.get(identity)
            if finding and known:
                changed[identity] = known, finding
            elif finding:
                opened[identity] = finding
            elif known:
                cleared[identity] = known, self._gone[identity]
        return Changes(opened, changed, cleared)

    def apply(self, changes: Changes, written: Written) -> bool:
        """The database has these changes now. True when what is muted has changed with them."""
        muted = dict(self.muted)
        for identity in (*changes.cleared, *(changes.changed.keys() - written.rows.keys())):
            self._put(identity, None)
        for identity, known in written.rows.items():
            self._put(identity, known)
            if identity not in self._found:  # it went while it was written
                self._unseen.add(identity)
        if written.every is not None:
            self._replace(written.every)
        self.is_loaded = self.is_loaded or written.every is not None
        for _ in self._wanting():  # forget those that are as they should be
            pass
        return muted != self.muted

    def put(self, identity: Identity, known: OpenIncident) -> None:
        """An incident that was muted, or is not any more. From any thread."""
        if identity in self._open:
            self._put(identity, known)

    def _wanting(self) -> Iterator[Identity]:
        """Where the database does not have what stands."""
        for identity in tuple(self._differs):
            finding, known = self._found.get(identity), self._open.get(identity)
            if (finding.severity if finding else None) == (known.severity if known else None):
                self._differs.pop(identity, None)
                self._gone.pop(identity, None)
            elif finding or identity in self._gone:
                yield identity

    def _stands(self, identity: Identity, finding: Finding) -> None:
        before = self._found.get(identity)
        self._found[identity] = finding
        self._unseen.discard(identity)
        if before is None or before.severity != finding.severity:
            self._differs[identity] = None
        self._gone.pop(identity, None)

    def _is_over(self, identity: Identity, gone: Gone) -> None:
        if identity in self._open:
            self._gone[identity] = gone
            self._differs[identity] = None
        else:
            self._differs.pop(identity, None)

    def _put(self, identity: Identity, known: OpenIncident | None) -> None:
        if known is None:
            self._open.pop(identity, None)
        else:
            self._open[identity] = known
        if known is not None and known.mute is not None:
            self.muted[identity] = known
        else:
            self.muted.pop(identity, None)

    def _replace(self, every: Mapping[Identity, OpenIncident]) -> None:
        """All that is open by the database: what is found and not among it is to be opened, and the other way round."""
        if not self.is_loaded:  # what others open from now on, they clear
            self._complete_from_ms = now_ms() + RULES_NEED_MS
            self._unseen |= every.keys() - self._found.keys()
        for identity in self._open.keys() - every.keys():
            self._put(identity, None)
        for identity, known in every.items():
            self._put(identity, known)
        self._differs.update(dict.fromkeys(self._found))


def now_ms() -> int:
    return int(time.time() * 1000)


def _is_recorded(finding: Finding) -> bool:
    names: Iterable[bytes | None] = (finding.stream, finding.group, finding.consumer)
    return all(name is None or len(name) <= NAME_MOST for name in names)
