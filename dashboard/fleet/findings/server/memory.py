"""`memory`: the server uses FULL of the memory it may use. Needs used_memory and maxmemory of INFO."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import size
from dashboard.fleet.findings.model import Finding, ServerSeen

FULL = 0.9


def memory(seen: ServerSeen) -> Iterator[Finding]:
    used, most = seen.figures.memory_bytes, seen.figures.maxmemory_bytes
    if used is None or not most or used < FULL * most:
        return
    policy = seen.figures.memory_policy
    then = "it refuses writes" if policy == "noeviction" else f"it evicts keys ({policy}), streams too"
    yield seen.finding(
        "late",
        "memory",
        f"{size(used)} of {size(most)} memory used ({100 * used // most}%)",
        detail=f"When it is full, {then}.",
        evidence={"memory_bytes": used, "maxmemory_bytes": most, "memory_policy": policy},
    )
