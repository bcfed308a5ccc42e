"""`no_group_errors`: commands named a group that does not exist (NOGROUP), by INFO errorstats, within STUCK_AFTER.

Needs the counts of two rounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import plural
from dashboard.fleet.findings.model import Finding, ServerSeen


def no_group_errors(seen: ServerSeen) -> Iterator[Finding]:
    count = seen.recent.get("NOGROUP", 0)
    if not count:
        return
    yield seen.finding(
        "late",
        "no_group_errors",
        f"{plural(count, 'command')} named a group that does not exist (NOGROUP)",
        detail="A consumer uses a group that was destroyed or never created. Redis reports only how often.",
        evidence={"errors": count},
    )
