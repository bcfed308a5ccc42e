"""The door of the fleet: everything that pages, API and live may know of it comes from here, and asks no server.

Only `freshen` looks, and only where no sampler runs in this process.
"""

from __future__ import annotations

from dashboard.fleet.entries import Standing, standing
from dashboard.fleet.findings.consumers import ConsumerState
from dashboard.fleet.findings.model import RANK, Finding, Severity
from dashboard.fleet.findings.words import WORDS
from dashboard.fleet.limits import limits
from dashboard.fleet.rates import window_ms
from dashboard.fleet.reading import (
    Judge,
    Located,
    Outage,
    attention_count,
    findings_for,
    matches,
    once,
    outages_for,
    streams_counted,
    sums,
    visible,
)
from dashboard.fleet.samplers import fleet
from dashboard.fleet.snapshots import ServerSnapshot, StreamState
from dashboard.streams.figures import Figure
from dashboard.streams.links import Server

__all__ = [
    "RANK",
    "WORDS",
    "ConsumerState",
    "Finding",
    "Judge",
    "Located",
    "Outage",
    "ServerSnapshot",
    "Severity",
    "Standing",
    "StreamState",
    "attention_count",
    "findings_for",
    "freshen",
    "latest",
    "limits",
    "matches",
    "once",
    "outages_for",
    "standing",
    "streams_counted",
    "sums",
    "unseen",
    "visible",
    "window_ms",
]


def latest(server: Server) -> ServerSnapshot:
    """What the last round saw; asks nobody."""
    return fleet().sampler(server).snapshot


def freshen(server: Server) -> ServerSnapshot:
    """As `latest`; taken here and now when it is too old and no sampler runs in this process."""
    return fleet().freshen(server)


def unseen(snapshot: ServerSnapshot) -> Figure | None:
    """What of a server is not in its snapshot, as a part of a sum: unknown, with the reason. None: all is there."""
    why = snapshot.error or snapshot.uncounted
    return Figure(None, f"{snapshot.name}: {why}") if why else None
