"""Incidents as rows: what a ledger wants written, and what is open. Called in a thread, never on the event loop.

Several processes may write: of one identity one row is open at most, which the database sees to, and who comes second
takes the row of who came first.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import close_old_connections, transaction
from django.db.models import Count, F, Max, QuerySet
from django.utils import timezone

from dashboard.display.format import epoch_ms, moment
from dashboard.fleet.findings.model import RANK, Finding, Identity
from dashboard.fleet.incidents.ledger import Changes, Gone, Mute, OpenIncident, Written
from dashboard.models import Incident

SAME_WITHIN = timedelta(minutes=10)
"""A finding that comes back so soon is the incident that it was."""
KEPT = timedelta(days=30)
"""How long an incident that is over is kept."""
PRUNE_EVERY = 3600.0
PRUNED = 1000
"""Rows that are deleted at a time."""
LARGEST = 2**63 - 1
_NAMES = ("kind", "stream", "group", "consumer")
_KNOWN = ("id", "since_ms", "severity", "worst", "times")
_MUTE = ("muted_until", "muted_at", "muted_by", "mute_reason")
_COLUMNS = (*_NAMES, *_KNOWN, *_MUTE)


class Rows:
    """The incidents of all servers."""

    def __init__(self) -> None:
        self._pruned_at: float | None = None

    def exchange(self, server: str, changes: Changes, *, look: bool, version: object) -> Written:
        """Write the changes of a server, all of them or none; `look`: read what is open, unless it is of `version`.

        Raises DatabaseError.
        """
        close_old_connections()
        try:
            rows = _written(server, changes) if changes else {}
            if not look:
                return Written(rows)
            self._prune()
            now = _version(server)
            return Written(rows, None if now == version else _opened(_open(server)), now)
        finally:
            close_old_connections()

    def _prune(self) -> None:
        """Now and then; where nothing is old, nothing is written."""
        if self._pruned_at is not None and time.monotonic() - self._pruned_at < PRUNE_EVERY:
            return
        self._pruned_at = time.monotonic()
        old = Incident.objects.filter(cleared_at__lt=timezone.now() - KEPT).values_list("pk", flat=True)
        if ids := list(old[:PRUNED]):
            Incident.objects.filter(pk__in=ids).delete()


def digest(identity: Identity) -> str:
    """Of kind, stream, group and consumer; None is another than the empty name."""
    kind, *names = identity
    sized = (b"-" if part is None else b"%d:%b" % (len(part), part) for part in (kind.encode(), *names))
    return hashlib.sha256(b"".join(sized)).hexdigest()


def named(row: Incident) -> Identity:
    """Its kind and its names."""
    return _identity(_values(row))


def finding_of(row: Incident, severity: Any) -> Finding:
    """What it says."""
    kind, stream, group, consumer = named(row)
    return Finding(
        severity=severity,
        kind=kind,
        stream=stream,
        group=group,
        consumer=consumer,
        message=row.message,
        detail=row.detail,
        count=row.count,
        count_least=row.count_at_least,
        count_about=row.count_about,
        since_ms=row.since_ms,
        evidence=row.evidence,
    )


def opened(row: Incident) -> OpenIncident:
    """As the ledger knows it."""
    return _known(_values(row))


def write_mute(id_: UUID, mute: Mute | None) -> None:
    """Who muted an open incident before stays written, until somebody mutes it again. Raises DatabaseError."""
    until = {"muted_until": moment(mute.until_ms) if mute else None, "changed_at": timezone.now()}
    who = {"muted_at": moment(mute.at_ms), "muted_by": mute.by, "mute_reason": mute.reason} if mute else {}
    Incident.objects.filter(pk=id_, cleared_at=None).update(**until, **who)


def _version(server: str) -> tuple[object, ...]:
    found = _open(server).aggregate(count=Count("pk"), last=Max("changed_at"))
    return found["count"], found["last"]


def _open(server: str) -> QuerySet[Incident]:
    return Incident.objects.filter(server=server, cleared_at=None)


def _written(server: str, changes: Changes) -> Mapping[Identity, OpenIncident]:
    with transaction.atomic():
        for known, finding in changes.changed.values():
            _change(_open(server).filter(pk=known.id), known, finding)
        for known, gone in changes.cleared.values():
            _clear(_open(server).filter(pk=known.id), known, gone)
        _begin(server, {digest(identity): finding for identity, finding in changes.opened.items()})
        wanted = [digest(identity) for identity in (*changes.opened, *changes.changed)]
        return _opened(_open(server).filter(identity__in=wanted)) if wanted else {}


def _begin(server: str, found: Mapping[str, Finding]) -> None:
    """One row for each: that which another process has opened, else one that was over a moment ago, else a new one."""
    there = set(_open(server).filter(identity__in=[*found]).values_list("identity", flat=True))
    new = found.keys() - there
    over = Incident.objects.filter(server=server, identity__in=new, cleared_at__gte=timezone.now() - SAME_WITHIN)
    for row in over.order_by("-cleared_at"):
        if row.identity in new:
            _again(row, found[row.identity])
            new = new - {row.identity}
    Incident.objects.bulk_create([_row(server, id_, found[id_]) for id_ in sorted(new)], ignore_conflicts=True)


def _again(row: Incident, finding: Finding) -> None:
    """The same incident: it stands since it began. A mute holds, unless it is worse than it ever was."""
    Incident.objects.filter(pk=row.pk, cleared_at__isnull=False).update(
        cleared_at=None, lasted_ms=None, times=F("times") + 1, **_now(finding), **_worse(row.worst, finding)
    )


def _change(row: QuerySet[Incident], known: OpenIncident, finding: Finding) -> None:
    row.update(**_now(finding), **_worse(known.worst, finding))


def _clear(row: QuerySet[Incident], known: OpenIncident, gone: Gone) -> None:
    said = _said(gone.last) if gone.last else {}
    over = {"cleared_at": moment(gone.at_ms), "lasted_ms": max(0, gone.server_ms - known.since_ms)}
    row.update(changed_at=timezone.now(), **over, **said)


def _worse(worst: str, finding: Finding) -> dict[str, Any]:
    """What changes with a finding that is worse than it ever was: nobody has muted that."""
    if RANK[finding.severity] >= RANK[worst]:
        return {}
    return {"worst": finding.severity, "muted_until": None}


def _row(server: str, identity: str, finding: Finding) -> Incident:
    now = timezone.now()
    return Incident(
        server=server,
        identity=identity,
        kind=finding.kind,
        stream=finding.stream,
        group=finding.group,
        consumer=finding.consumer,
        worst=finding.severity,
        since_ms=finding.since_ms,
        opened_at=now,
        **_now(finding),
    )


def _now(finding: Finding) -> dict[str, Any]:
    return {"severity": finding.severity, "changed_at": timezone.now(), **_said(finding)}


def _said(finding: Finding) -> dict[str, Any]:
    return {
        "message": _clean(finding.message),
        "detail": _clean(finding.detail),
        "evidence": _clean_json(finding.evidence),
        "count": None if finding.count is None else min(finding.count, LARGEST),
        "count_at_least": finding.count_least,
        "count_about": finding.count_about,
    }


def _clean(text: str) -> str:
    """PostgreSQL keeps no zero byte, and neither database half a character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _clean_json(found: object) -> object:
    text = json.dumps(found, default=str, ensure_ascii=False)
    return json.loads(_clean(text.replace("\\u0000", "\N{REPLACEMENT CHARACTER}")))


def _opened(rows: QuerySet[Incident]) -> dict[Identity, OpenIncident]:
    found: Iterable[dict[str, Any]] = rows.values(*_COLUMNS).iterator(chunk_size=1000)
    return {_identity(values): _known(values) for values in found}


def _identity(values: Mapping[str, Any]) -> Identity:
    kind, *names = (values[name] for name in _NAMES)
    stream, group, consumer = map(_name, names)
    return kind, stream, group, consumer


def _known(values: Mapping[str, Any]) -> OpenIncident:
    until, at, by, reason = (values[name] for name in _MUTE)
    mute = Mute(epoch_ms(until), epoch_ms(at), by, reason) if until and at else None
    return OpenIncident(**{name: values[name] for name in _KNOWN}, mute=mute)


def _values(row: Incident) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}


def _name(value: bytes | memoryview | None) -> bytes | None:
    """PostgreSQL gives a view of the bytes."""
    return None if value is None else bytes(value)
