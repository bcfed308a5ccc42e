"""Findings as rules make them, and a process that has found them."""

from __future__ import annotations

from collections.abc import Iterable

from dashboard.fleet.findings.model import Finding, Severity
from dashboard.fleet.incidents.ledger import Place
from dashboard.fleet.incidents.recorder import Recorder
from dashboard.fleet.incidents.rows import Rows

SERVER = "default"
NOW = 1_800_000_000_000
"""The server's clock."""
MINUTE = 60_000


def found(
    kind: str = "stuck",
    *,
    severity: Severity = "late",
    stream: bytes | None = b"orders",
    group: bytes | None = b"workers",
    consumer: bytes | None = None,
    since_ms: int = NOW - MINUTE,
    message: str = "3 entries are pending",
) -> Finding:
    """A finding as a rule makes it."""
    return Finding(
        severity,
        kind,
        stream,
        group,
        message,
        consumer=consumer,
        count=3,
        since_ms=since_ms,
        evidence={"idle_ms": 61_000},
    )


class Process:
    """One that samples the server: its memory is its own, the database is everybody's."""

    def __init__(self) -> None:
        self.changes = 0
        self.recorder = Recorder(SERVER, Rows(), self._changed)
        self.ledger = self.recorder.ledger
        self.recorder.record()

    def _changed(self) -> None:
        self.changes += 1

    def finds(self, *findings: Finding, place: Place = b"orders", at_ms: int = NOW) -> None:
        """A round that found these at a place, and wrote what is new."""
        self.sees(*findings, place=place, at_ms=at_ms)
        self.recorder.record()

    def sees(self, *findings: Finding, place: Place = b"orders", at_ms: int = NOW) -> None:
        """A round that found these, and has written nothing yet."""
        self.ledger.note(place, findings, at_ms)

    def is_through(
        self, *, judged: Iterable[bytes] = (), there: Iterable[bytes] = (), complete: bool = True, at_ms: int = NOW
    ) -> None:
        """The end of a round: these streams were looked into, those exist."""
        self.ledger.settle({*judged}, {*there}, at_ms, complete=complete)
        self.recorder.record()
