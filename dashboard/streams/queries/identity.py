"""Which server answers, and which stream it has under a key: whether both are still those that were seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries.base import Command, Query
from dashboard.streams.replies import Reply, info, row
from dashboard.streams.snapshots import Fields

NOBODY = "0" * 40
"""What a server says for a replication ID that it does not have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`replid`: the data's line of descent; `former`: the one it goes back to, after a failover. "" where not told.

    `added`, `first`, `last`: how many entries the stream ever had, its first one and its highest ID; `mark`: of the
    content of the first one. All of no stream where there is none.
    """

    run_id: str = ""
    replid: str = ""
    former: str = ""
    added: int | None = None
    first: str = ""
    last: str = ""
    mark: str = ""

    def replaced_by(self, now: Identity) -> str:
        """Why `now` is another server or another stream, a sentence that may be shown; "" where it may be the same."""
        if self._other_server(now):
            return "This is not the server that the plan was made on: it was replaced, or restarted as a new one."
        return "The stream was deleted and recreated." if self.last and now.last and self._other_stream(now) else ""

    def _other_server(self, now: Identity) -> bool:
        known = self.run_id and now.run_id
        return bool(known and now.run_id != self.run_id and self.replid not in (now.replid, now.former))

    def _other_stream(self, now: Identity) -> bool:
        """IDs and counts of a stream only ever grow."""
        if None not in (self.added, now.added) and (now.added or 0) < (self.added or 0):
            return True
        if _lower(now.last, self.last) or (self.first and now.first and _lower(now.first, self.first)):
            return True
        return bool(self.first and self.first == now.first and self.mark != now.mark)


def _lower(a: str, b: str) -> bool:
    return StreamId.parse(a) < StreamId.parse(b)


@dataclass(frozen=True)
class IdentityQuery(Query[Identity]):
    """In one round trip. What is refused stays unknown; no stream is told as none."""

    key: bytes

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.key,)

    def build(self) -> Sequence[Command]:
        return [("INFO", "server"), ("INFO", "replication"), ("XINFO", "STREAM", self.key)]

    def parse(self, replies: Sequence[Reply]) -> Identity:
        told = {**info(replies[0]), **info(replies[1])}
        former = told.get("master_replid2", "")
        server = (told.get("run_id", ""), told.get("master_replid", ""), "" if former == NOBODY else former)
        if isinstance(replies[2], StreamError):
            return Identity(*server)
        facts = row(replies[2])
        first = facts.get(b"first-entry")
        return Identity(
            *server,
            added=facts.get(b"entries-added"),
            first=first[0].decode() if first else "",
            last=facts[b"last-generated-id"].decode(),
            mark=_digest(first[1]) if first else "",
        )


def mark_of(fields: Fields) -> str:
    """Of the content of an entry: entries that differ have different ones."""
    return _digest([part for pair in fields for part in pair])


def _digest(parts: Sequence[bytes]) -> str:
    told = hashlib.sha256()
    for part in parts:
        told.update(b"%d:" % len(part) + part)
    return told.hexdigest()[:16]
