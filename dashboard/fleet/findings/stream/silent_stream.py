"""`silent_stream`: a stream that got entries regularly gets none any more.

Judged by what rounds saw: after GAPS additions it is silent when nothing came for QUIET times the longest gap between
them, and for STUCK_AFTER at least. Needs the gaps, and how long ago an entry was last added.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age
from dashboard.fleet.findings.model import Finding, StreamSeen

GAPS = 10
QUIET = 10


def silent_stream(seen: StreamSeen) -> Iterator[Finding]:
    gaps, quiet = seen.moved.gaps, seen.moved.grew_ms
    if quiet is None or len(gaps) < GAPS:
        return
    longest = max(gaps)
    if quiet < max(QUIET * longest, seen.limits.stuck_ms):
        return
    yield seen.finding(
        "late",
        "silent_stream",
        f"No entry was added for {age(quiet)}",
        detail=f"Before that, one came at least every {age(max(longest, 1000))}.",
        oldest_ms=quiet,
        evidence={"longest_gap_ms": longest, "gaps": len(gaps)},
    )
