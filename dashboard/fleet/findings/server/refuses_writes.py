"""`refuses_writes`: the server has refused writes since the round before, or has no memory left for one.

By the counts of INFO errorstats: OOM (memory), MISCONF (cannot save), NOREPLICAS. Needs those of two rounds; a full
memory with noeviction says so at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import plural
from dashboard.fleet.findings.model import Finding, ServerSeen

WHY = {
    "OOM": "it has no memory left",
    "MISCONF": "it cannot save its data to disk",
    "NOREPLICAS": "it has too few replicas",
}


def refuses_writes(seen: ServerSeen) -> Iterator[Finding]:
    figures = seen.figures
    refused = {code: seen.recent.get(code, 0) for code in WHY if seen.recent.get(code)}
    if figures.full:
        refused.setdefault("OOM", 0)
    if not refused:
        return
    count = sum(refused.values())
    yield seen.finding(
        "stuck",
        "refuses_writes",
        f"The server refuses writes: {' and '.join(WHY[code] for code in refused)}",
        detail=f"{plural(count, 'write was', 'writes were')} refused in the last few minutes." if count else "",
        evidence={"refused": refused},
    )
