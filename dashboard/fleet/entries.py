"""One entry in one group, judged by the same limits as everything that needs attention."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.fleet.findings.model import Limits, Severity
from dashboard.fleet.findings.words import WORDS, label
from dashboard.streams.snapshots import Delivery, PendingEntry


@dataclass(frozen=True, slots=True)
class Standing:
    """How an entry stands in a group. `kind`: of the finding it is part of, "" when it needs nothing."""

    word: str
    severity: Severity
    icon: str = ""
    kind: str = ""


SETTLED = Standing("Settled", "ok")
WITH_NOBODY = Standing("Released", "late")
"""By XNACK: whoever reads or claims next may have it."""


def standing(delivery: Delivery, *, age_ms: int | None, gone: bool, limits: Limits) -> Standing:
    """`age_ms`: since it was added, None where its ID does not tell; `gone`: its body is no longer there."""
    if delivery.pending:
        return _pending(delivery.pending, gone, limits)
    if delivery.state == "settled":
        return SETTLED
    waits = age_ms is not None and age_ms >= limits.late_ms
    return Standing("Undelivered", "late" if waits else "ok", "idle")


def _pending(entry: PendingEntry, gone: bool, limits: Limits) -> Standing:
    if gone:
        return Standing(WORDS["ghosts"], "late", kind="ghosts")
    if entry.deliveries >= limits.poison:
        return Standing(WORDS["poison"], "stuck", kind="poison")
    if entry.idle_ms >= limits.late_ms:
        severity = limits.severity(entry.idle_ms)
        return Standing(label("stuck", severity), severity, kind="stuck")
    return WITH_NOBODY if entry.idle_ms < 0 else Standing("Pending", "ok", "idle")
