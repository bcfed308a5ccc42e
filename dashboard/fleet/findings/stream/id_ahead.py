"""`id_ahead`: the last ID of a stream is a time that lies more than AHEAD_MS after the server's clock.

Every entry added with `*` gets an ID just above it, and so a wrong time, until the clock has caught up. Needs the last
generated ID and the server's clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age
from dashboard.fleet.findings.model import Finding, StreamSeen
from dashboard.streams.ids import ahead_ms


def id_ahead(seen: StreamSeen) -> Iterator[Finding]:
    last = seen.stream.facts.last_generated_id
    ahead = ahead_ms(last, seen.stream.now_ms)
    if ahead is None:
        return
    yield seen.finding(
        "late",
        "id_ahead",
        f"The last ID is {age(ahead)} ahead of the server's clock",
        detail=f"Until the clock has caught up, entries added with * get IDs just after {last}: their times are wrong.",
        evidence={"last_generated_id": str(last), "ahead_ms": ahead},
    )
