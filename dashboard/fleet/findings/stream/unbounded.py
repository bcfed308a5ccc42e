"""`unbounded`: a stream of more than MANY entries grows and was never trimmed.

Needs the counter of entries ever added (Redis 7.0) and whether one was added within GONE_AFTER.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number
from dashboard.fleet.findings.model import Finding, StreamSeen

MANY = 1_000_000


def unbounded(seen: StreamSeen) -> Iterator[Finding]:
    facts, grew = seen.stream.facts, seen.moved.grew_ms
    if facts.length <= MANY or facts.entries_added != facts.length:
        return
    if grew is None or grew >= seen.limits.gone_ms:
        return
    yield seen.finding(
        "late",
        "unbounded",
        f"{number(facts.length)} entries, never trimmed, and still growing",
        detail="Without MAXLEN or MINID it grows until the server's memory is full.",
        count=facts.length,
        evidence={"entries_added": facts.entries_added},
    )
