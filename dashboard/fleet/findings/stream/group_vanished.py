"""`group_vanished`: a group that was there is gone, though its stream is there, until GONE_AFTER or it is back.

Somebody destroyed it, or deleted the stream and the next XADD made it anew without its groups: its consumers get
NOGROUP. Needs the groups of the rounds before.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import age
from dashboard.fleet.findings.model import Finding, StreamSeen
from dashboard.streams.names import plain


def group_vanished(seen: StreamSeen) -> Iterator[Finding]:
    for name, since in sorted(seen.moved.vanished.items()):
        if since < seen.limits.gone_ms:
            yield seen.finding(
                "late",
                "group_vanished",
                f"The group {plain(name)} is gone: it has been missing for {age(since)}",
                detail="It was destroyed, or its stream was deleted and recreated. Its consumers get NOGROUP errors.",
                group=name,
                oldest_ms=since,
            )
