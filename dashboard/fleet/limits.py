"""The thresholds of the configuration."""

from __future__ import annotations

from dashboard.config.active import configured
from dashboard.fleet.findings.model import Limits


def limits() -> Limits:
    return Limits(
        late_ms=configured().late_after * 1000,
        stuck_ms=configured().stuck_after * 1000,
        gone_ms=configured().gone_after * 1000,
        poison=configured().poison_deliveries,
    )
