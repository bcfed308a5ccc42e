"""Pending entries as they were last seen, which a guarded command compares with; several commands in one trip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.streams.errors import OutcomeUnknown, StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import Command
from dashboard.streams.replies import Reply, need


@dataclass(frozen=True, slots=True)
class Lease:
    """A pending entry as it was last seen; what a guarded command compares with. `idle_ms` at that moment."""

    id: StreamId
    consumer: bytes
    deliveries: int
    idle_ms: int


@dataclass(frozen=True, slots=True)
class LeaseBatch:
    """Pending entries that were last seen with the same holder, delivery count and idle time.

    `ids`: as one text, a space between. A million of them pass through here, so they are taken apart only where needed.
    """

    ids: str
    consumer: bytes
    deliveries: int
    idle_ms: int

    @property
    def count(self) -> int:
        return self.ids.count(" ") + 1

    def each(self) -> list[Lease]:
        return [Lease(StreamId.parse(i), self.consumer, self.deliveries, self.idle_ms) for i in self.ids.split()]


def as_seen(parts: Sequence[LeaseBatch], *, retried: bool = False) -> list[str | bytes | int]:
    """What the scripts that look at all entries at once compare with."""
    text = " ".join(part.ids for part in parts)
    first, last = text[: text.find(" ")] if " " in text else text, text[text.rfind(" ") + 1 :]
    alone = int(not retried and len({part.consumer for part in parts}) == 1)
    runs = [word for part in parts for word in (part.count, part.consumer, part.deliveries)]
    return [text, first, last, alone, *runs]


def seen_again(
    server: Server, key: bytes, group: bytes, entries: Sequence[Lease], *, retried: bool = False
) -> list[int]:
    """A look right before, where scripts are refused. Per entry 1 (as it was seen), 0 (not pending any more) or -1.

    `retried`: delivered again meanwhile, to whomever, is as it was seen too.
    """
    looks: list[Command] = [("XPENDING", key, group, str(e.id), str(e.id), 1) for e in entries]
    replies = map(need, server.writer.each(looks))
    return [_compared(rows, e, retried=retried) for rows, e in zip(replies, entries, strict=True)]


def _compared(rows: list[Any], seen: Lease, *, retried: bool) -> int:
    if not rows:
        return 0
    _, consumer, _, deliveries = rows[0][:4]
    as_seen = deliveries >= seen.deliveries if retried else (consumer, deliveries) == (seen.consumer, seen.deliveries)
    return 1 if as_seen else -1


def all_replies(server: Server, commands: Sequence[Command]) -> list[Reply]:
    """The replies to several commands. Raises the refusal of all; of a part, it has to be found out what was done."""
    replies = server.writer.each(commands)
    refused = [reply for reply in replies if isinstance(reply, StreamError)]
    if refused and len(refused) == len(replies):
        raise refused[0]
    if refused:
        raise OutcomeUnknown(f"Part of it was refused. {refused[0].message}")
    return replies


def as_leases(entries: Iterable[Lease]) -> list[str | bytes]:
    return [word for e in entries for word in (str(e.id), e.consumer, str(e.deliveries))]
