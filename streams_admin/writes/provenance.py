"""Where a dead letter came from: fields behind its own, so that it can be judged, found again and sent back.

The first five are what workers write that give up by themselves; a block ends the entry, and the last block counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.streams.snapshots import Fields

STREAM = b"origin_stream"
NAMES = (
    STREAM,
    b"origin_id",
    b"origin_group",
    b"origin_consumer",
    b"deliveries",
    b"moved_by",
    b"moved_at",
    b"reason",
    b"operation",
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who moves entries, why, and by which operation."""

    by: str
    reason: str
    operation: str

    def words(self, now: datetime) -> tuple[str, str, str, str]:
        """In the order of NAMES."""
        return self.by, now.astimezone(UTC).isoformat(timespec="milliseconds"), self.reason, self.operation


def block(fields: Fields) -> dict[bytes, bytes]:
    """The provenance an entry ends with; {} when it has none."""
    return dict(fields[_start(fields) :])


def stripped(fields: Fields, target: bytes) -> Fields:
    """The fields as they were in the stream `target`: without the provenance, if that is where they came from."""
    start = _start(fields)
    return fields[:start] if dict(fields[start:]).get(STREAM) == target else fields


def _start(fields: Fields) -> int:
    """Where the last block begins; the end when there is none. An entry is never all provenance."""
    for at in range(len(fields) - 1, 0, -1):
        name = fields[at][0]
        if name == STREAM:
            return at
        if name not in NAMES:
            break
    return len(fields)


def copied_from(fields: Fields, *, stream: bytes, group: bytes, operation: str) -> bytes | None:
    """The ID of the entry that the operation made this dead letter of; None when it is none of its."""
    found, wanted = block(fields), {STREAM: stream, b"origin_group": group, b"operation": operation.encode()}
    return found.get(b"origin_id") if wanted.items() <= found.items() else None
