"""`group_vanished`: a group that was there is gone, until GONE_AFTER or it is back.

Somebody destroyed it, or deleted the stream and the next XADD made it anew without its groups: its consumers get
NOGROUP. Of a stream that is gone altogether only groups that still had something to do: streams that were finished with
come and go. Needs the groups of the rounds before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dashboard.display.format import age, number
from dashboard.fleet.findings.model import Finding, StreamSeen
from dashboard.streams.names import plain


class Left(NamedTuple):
    """A group as it was last seen; `at_ms`: the server's clock when it was first missed. `lag` None: unknown."""

    at_ms: int
    pending: int = 0
    lag: int | None = 0

    @property
    def unfinished(self) -> bool:
        return bool(self.pending) or self.lag != 0


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


def gone_with_its_stream(stream: bytes, group: bytes, left: Left, now_ms: int) -> Finding:
    """The finding about a group of a stream that does not exist any more."""
    since = max(0, now_ms - left.at_ms)
    undelivered = "an unknown number" if left.lag is None else number(left.lag)
    return Finding(
        "late",
        "group_vanished",
        stream,
        group,
        f"The stream is gone, and its group {plain(group)} with it: missing for {age(since)}",
        detail=f"It still had {number(left.pending)} pending and {undelivered} undelivered. "
        "The stream was deleted, has expired, or the database was flushed.",
        oldest_ms=since,
        since_ms=left.at_ms,
        evidence={"pending": left.pending, "undelivered": left.lag, "stream_exists": False},
    )
