"""`position_ahead`: the group's position is higher than every ID of its stream, so that new entries pass it by.

Redis delivers only what lies above the position, and takes any. The lag stays 0 meanwhile: a reader gets nothing. Needs
the position and the stream's last ID of two rounds: between the two commands of one, an entry may come and be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.fleet.findings.model import Finding, GroupSeen


def position_ahead(seen: GroupSeen) -> Iterator[Finding]:
    position, last = seen.group.facts.last_delivered_id, seen.stream.facts.last_generated_id
    if position <= last or not seen.moved.still_ms:
        return
    yield seen.finding(
        "late",
        "position_ahead",
        f"Its position, {position}, is above the last ID of the stream",
        detail=f"New entries are not delivered to it until their IDs are higher. The last ID is {last}.",
        oldest_ms=seen.moved.still_ms,
        evidence={"position": str(position), "last_generated_id": str(last)},
    )
