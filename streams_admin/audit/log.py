"""The audit log: a line before anything is done, a line after. No line, no action."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from dashboard.accounts.principals import Principal
from streams_admin.models import AuditEntry

START = "0" * 64
ATTEMPTS = 20
"""Writers that append at the same time; each that loses the race reads the end of the chain again."""
RECENT = 1000
"""Lines that are looked through for what somebody was denied lately."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, and from where: `peer` is the address that reached us, `claimed` what a proxy says about it."""

    principal: Principal
    via: str
    peer: str = ""
    claimed: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says beside who and when."""

    server: str
    stream: str
    action: str
    title: str = ""
    params: Mapping[str, Any] | None = None
    plan: uuid.UUID | None = None
    operation: uuid.UUID | None = None
    reason: str = ""
    outcome: str = "started"
    detail: str = ""
    counts: Mapping[str, int] | None = None


def write(caller: Caller, line: Line, span: uuid.UUID | None = None) -> uuid.UUID:
    """Append a line; the span it belongs to. Raises DatabaseError when it cannot be written."""
    span = span or uuid.uuid4()
    fields = _fields(caller, line, span)
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                last, previous = _last()
                hashed = digest(last + 1, fields, previous)
                AuditEntry.objects.create(pk=last + 1, **fields, previous=previous, hash=hashed)
            return span
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def refuse(caller: Caller, line: Line, outcome: str, detail: str) -> None:
    """A span of one line: an attempt that was denied or refused."""
    write(caller, replace(line, outcome=outcome, detail=detail))


def denied_since(principal: Principal, since: datetime) -> int:
    """How many attempts of somebody were denied, as the last RECENT lines tell."""
    recent = AuditEntry.objects.order_by("-pk").values("pk")[:RECENT]
    denied = {"who_id": principal.id, "outcome": "denied"}
    return AuditEntry.objects.filter(pk__in=recent, at__gt=since, **denied).count()


def end(span: uuid.UUID, line: Line, outcome: str, counts: Mapping[str, int], detail: str = "") -> None:
    """The second line of a span, for whoever began it: the process that ends an operation need not be theirs."""
    began = AuditEntry.objects.filter(span=span).earliest("pk")
    principal = Principal(began.who, began.who_id)
    caller = Caller(principal, began.via, began.peer, began.claimed, began.role)
    write(caller, replace(line, outcome=outcome, counts=counts, detail=detail), span)


def _fields(caller: Caller, line: Line, span: uuid.UUID) -> dict[str, Any]:
    return {
        "span": span,
        "at": timezone.now(),
        "who": caller.principal.name,
        "who_id": caller.principal.id,
        "role": caller.role or caller.principal.role,
        "via": caller.via,
        "peer": caller.peer[:64],
        "claimed": caller.claimed[:200],
        "server": line.server,
        "stream": line.stream,
        "action": line.action,
        "title": line.title,
        "params": dict(line.params or {}),
        "plan": line.plan,
        "operation": line.operation,
        "reason": line.reason,
        "outcome": line.outcome,
        "detail": line.detail,
        "counts": dict(line.counts or {}),
    }


def last_hash() -> str:
    return _last()[1]


def _last() -> tuple[int, str]:
    """Number and hash of the last line; 0 and START without one."""
    return AuditEntry.objects.order_by("-pk").values_list("pk", "hash").first() or (0, START)


def digest(number: int, fields: Mapping[str, Any], previous: str) -> str:
    """SHA-256 over the line before, the number of this one and all its fields, in a fixed spelling."""
    content = {"number": number, **{name: _plain(value) for name, value in fields.items()}}
    return hashlib.sha256((previous + json.dumps(content, sort_keys=True)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.astimezone(timezone.get_fixed_timezone(0)).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, uuid.UUID) else value


def broken() -> Iterator[tuple[int, str]]:
    """Lines (number, why) that do not fit the chain. None: nothing was changed, and nothing is missing in between."""
    previous = START
    fixed = [f.name for f in AuditEntry._meta.concrete_fields if not f.generated]
    names = [name for name in fixed if name not in ("id", "previous", "hash")]
    for entry in AuditEntry.objects.order_by("pk").iterator():
        fields = {name: getattr(entry, name) for name in names}
        if entry.previous != previous:
            yield entry.pk, "the record before it is missing or was changed"
        if digest(entry.pk, fields, entry.previous) != entry.hash:
            yield entry.pk, "its content was changed"
        previous = entry.hash


def missing(expected: str, count: int | None) -> str:
    """Why the log does not hold the hash that was noted when it had `count` lines, a sentence; "" when it does.

    Lines that were appended since change nothing: the line with that hash is still there, at the same place.
    """
    if expected and expected != START and not AuditEntry.objects.filter(hash=expected).exists():
        return "No record has the expected hash: the log was wiped, replaced or cut."
    known = AuditEntry.objects.all() if not expected else AuditEntry.objects.filter(pk__lte=_number_of(expected))
    found = known.count()
    if count is not None and (found < count or (expected and found != count)):
        return f"{count:,} records were expected, and there are {found:,}."
    return ""


def _number_of(hash_: str) -> int:
    return AuditEntry.objects.filter(hash=hash_).values_list("pk", flat=True).first() or 0
