"""Muting: who mutes an incident takes it from the list and the count, for a while, with a reason that everybody sees.

It is over at its end, when somebody ends it, and at once when the incident gets worse than it ever was; whatever else
goes wrong at the same place is an incident of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from dashboard.accounts.access import may, require
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.display.format import epoch_ms
from dashboard.fleet.findings.model import Finding
from dashboard.fleet.incidents.ledger import Mute, OpenIncident
from dashboard.fleet.incidents.rows import finding_of, named, opened, write_mute
from dashboard.fleet.samplers import fleet
from dashboard.models import Incident
from dashboard.streams import links
from dashboard.streams.errors import Gone, UnknownServer

LONGEST = timedelta(days=7)
REASON_MOST = 500
"""Characters."""


class BadMute(ValueError):
    """An end that cannot be taken; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class MuteTarget:
    """An open incident that the principal may mute, as it was last written."""

    server: links.Server
    finding: Finding
    known: OpenIncident


def to_mute(principal: Principal, id_: UUID) -> MuteTarget:
    """The open incident of that id. Raises Gone for one that is not there or may not be seen, and Forbidden."""
    require(principal, Permission.SEE)
    row = Incident.objects.filter(pk=id_, cleared_at=None).first()
    if row is None or not _is_visible(principal, row):
        raise Gone("There is no open incident of that ID: it may have cleared.", "finding")
    require(principal, Permission.MUTE, row.server, named(row)[1])
    return MuteTarget(links.get(row.server), finding_of(row, row.severity), opened(row))


def mute(principal: Principal, id_: UUID, until: datetime, reason: str) -> OpenIncident:
    """Until then nobody sees it in the list. Raises as `to_mute`, and BadMute."""
    found, now = to_mute(principal, id_), timezone.now()
    if not now < until <= now + LONGEST:
        raise BadMute("A mute ends in the future, and in 7 days at most.")
    return _set(found, Mute(epoch_ms(until), epoch_ms(now), principal.name, reason))


def unmute(principal: Principal, id_: UUID) -> OpenIncident:
    """It is in the list again. Idempotent. Raises as `to_mute`."""
    return _set(to_mute(principal, id_), None)


def _set(found: MuteTarget, mute: Mute | None) -> OpenIncident:
    """In the database, and at once in what this process shows; others look for it within half a minute."""
    write_mute(found.known.id, mute)
    known = found.known._replace(mute=mute)
    fleet().sampler(found.server).incidents.ledger.put(found.finding.identity, known)
    fleet().published()
    return known


def _is_visible(principal: Principal, row: Incident) -> bool:
    try:
        links.get(row.server)
    except UnknownServer:
        return False
    return may(principal, Permission.SEE, row.server, named(row)[1])
