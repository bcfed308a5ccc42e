"""The thresholds of the configuration."""

from __future__ import annotations

from django.conf import settings

from dashboard.fleet.findings.model import Limits


def limits() -> Limits:
    return Limits(
        late_ms=settings.LATE_AFTER * 1000,
        stuck_ms=settings.STUCK_AFTER * 1000,
        gone_ms=settings.GONE_AFTER * 1000,
        poison=settings.POISON_DELIVERIES,
    )
