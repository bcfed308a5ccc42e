"""`unreachable`: the server could not be read in the last round. Needs why, and since when."""

from __future__ import annotations

from dashboard.fleet.findings.model import Finding

MESSAGE = "Server cannot be read"


def unreachable(error: str, since_ms: int, now_ms: int) -> Finding:
    """`error`: a sentence. Both moments in ms of our own clock: that of the server is out of reach."""
    return Finding(
        "stuck",
        "unreachable",
        None,
        None,
        MESSAGE,
        detail=error,
        since_ms=since_ms,
        oldest_ms=max(0, now_ms - since_ms),
        evidence={"error": error},
    )
