"""The door of the fleet: everything that pages, API and live may know of it comes from here, and asks no server.

Only `freshen` looks, and only where no sampler runs in this process.
"""

from __future__ import annotations

from dashboard.fleet.entries import Standing, standing
from dashboard.fleet.findings.consumers import ConsumerState
from dashboard.fleet.findings.model import RANK, Finding, Severity
from dashboard.fleet.findings.words import WORDS
from dashboard.fleet.incidents.cleared import Brief, Cleared, ClearedList, cleared, details
from dashboard.fleet.incidents.ledger import Mute, OpenIncident
from dashboard.fleet.incidents.muting import LONGEST, REASON_MOST, BadMute, MuteTarget, mute, to_mute, unmute
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
    "LONGEST",
    "RANK",
    "REASON_MOST",
    "WORDS",
    "BadMute",
    "Brief",
    "Cleared",
    "ClearedList",
    "ConsumerState",
    "Finding",
    "Judge",
    "Located",
    "Mute",
    "MuteTarget",
    "OpenIncident",
    "Outage",
    "ServerSnapshot",
    "Severity",
    "Standing",
    "StreamState",
    "attention_count",
    "cleared",
    "details",
    "findings_for",
    "freshen",
    "latest",
    "limits",
    "matches",
    "mute",
    "mute_of",
    "once",
    "outages_for",
    "standing",
    "streams_counted",
    "sums",
    "to_mute",
    "unmute",
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


def mute_of(server: Server, finding: Finding) -> Mute | None:
    """Who muted a finding, until when and why; None when nobody did, or it is over."""
    known = fleet().sampler(server).incidents.of(finding.identity)
    return known.mute if known and known.is_muted else None
