"""From raw RESP2 replies (bytes, int, list, None, or a StreamError in their place) to values of `snapshots`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from dashboard.streams.errors import Gone, NotAllowed, StreamError, UnknownCommand
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import (
    ConsumerFacts,
    Entry,
    Fields,
    Figure,
    PendingEntry,
    PendingSummary,
    StreamFacts,
)

Reply = Any
"""One raw reply. A StreamError stands where the server answered with an error."""

Row = dict[bytes, Any]


def need(reply: Reply) -> Reply:
    """The reply, or its error raised."""
    if isinstance(reply, StreamError):
        raise reply
    return reply


def info(reply: Reply) -> dict[str, str]:
    """INFO by field; {} where it was refused."""
    if isinstance(reply, StreamError):
        return {}
    lines = reply.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def row(flat: list[Any]) -> Row:
    """RESP2 sends maps as flat lists. Order and presence of the fields differ per version: use `.get`."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def rows(reply: Reply) -> list[Row]:
    return [row(flat) for flat in need(reply)]


def pairs(flat: list[bytes]) -> Fields:
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def maybe_id(value: bytes | None) -> StreamId | None:
    """None for an absent field and for 0-0, which Redis writes for "none"."""
    if value is None or value == b"0-0":
        return None
    return StreamId.parse(value)


def server_ms(reply: Reply) -> int:
    """TIME in milliseconds; where the ACL forbids TIME, our own clock."""
    if isinstance(reply, StreamError):
        return int(time.time() * 1000)
    seconds, micros = reply
    return int(seconds) * 1000 + int(micros) // 1000


def entries(reply: Reply) -> tuple[Entry, ...]:
    """XRANGE, XREVRANGE. Bodies that are gone (nil) are left out."""
    return tuple(each_entry(reply))


def each_entry(reply: Reply) -> Iterator[Entry]:
    """As `entries`, parsed one by one. An error is raised at once."""
    return (Entry(StreamId.parse(id_), pairs(flat)) for id_, flat in need(reply) if flat is not None)


def facts(key: bytes, stream: Reply, weight: Reply = None) -> StreamFacts:
    """XINFO STREAM and MEMORY USAGE."""
    info = row(need(stream))
    first, last = info.get(b"first-entry"), info.get(b"last-entry")
    generated = StreamId.parse(info[b"last-generated-id"])
    return StreamFacts(
        key=key,
        length=info[b"length"],
        first_id=StreamId.parse(first[0]) if first else None,
        last_id=_same_or_parsed(last[0], info[b"last-generated-id"], generated) if last else None,
        last_generated_id=generated,
        entries_added=info.get(b"entries-added"),
        max_deleted_id=maybe_id(info.get(b"max-deleted-entry-id")),
        groups=info[b"groups"],
        entry_bytes=max((sum(map(len, entry[1])) for entry in (first, last) if entry), default=0),
        memory=memory(weight),
        nodes=info.get(b"radix-tree-keys"),
    )


def _same_or_parsed(text: bytes, known: bytes, parsed: StreamId) -> StreamId:
    """One object for an ID that comes twice: thousands of streams are kept."""
    return parsed if text == known else StreamId.parse(text)


NOT_REPORTED = Figure(None, "The server did not report it.")


def memory(reply: Reply) -> Figure:
    """MEMORY USAGE in bytes."""
    if isinstance(reply, NotAllowed) and not isinstance(reply, UnknownCommand):
        return Figure(None, "The configured user may not run MEMORY USAGE.")
    if isinstance(reply, StreamError):
        return Figure(None, reply.message)
    return Figure(reply, approximate=True) if reply is not None else NOT_REPORTED


def consumers(reply: Reply) -> tuple[ConsumerFacts, ...]:
    """XINFO CONSUMERS, those that hold most first, then by name."""
    found = [ConsumerFacts(r[b"name"], r[b"pending"], r[b"idle"], r.get(b"inactive")) for r in rows(reply)]
    return tuple(sorted(found, key=lambda c: (-c.pending, c.name)))


def pending_entries(reply: Reply) -> tuple[PendingEntry, ...]:
    """XPENDING key group start end count."""
    return tuple(each_pending(reply))


def each_pending(reply: Reply) -> Iterator[PendingEntry]:
    """As `pending_entries`, parsed one by one. An error is raised at once."""
    return (
        PendingEntry(StreamId.parse(id_), consumer, idle, deliveries) for id_, consumer, idle, deliveries in need(reply)
    )


def pending_summary(reply: Reply) -> PendingSummary:
    """XPENDING key group. [0, nil, nil, nil] when nothing is pending."""
    count, lowest, highest, holders = need(reply)
    return PendingSummary(
        count=count,
        min_id=StreamId.parse(lowest) if lowest else None,
        max_id=StreamId.parse(highest) if highest else None,
        consumers=tuple((name, int(held)) for name, held in holders or ()),
    )


def group_row(reply: Reply, group: bytes) -> Row:
    """The row of one group in XINFO GROUPS; Gone when it is not there."""
    for found in rows(reply):
        if found[b"name"] == group:
            return found
    raise Gone("The group does not exist.", "group")
