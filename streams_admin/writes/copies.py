"""Copies of entries on another stream, each exactly once: dead-letter and replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dashboard.streams.errors import NotAllowed, ServerRefused
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import Command, EntryRange
from dashboard.streams.replies import need
from dashboard.streams.snapshots import Fields
from streams_admin.writes import provenance, scripts
from streams_admin.writes.entries import add_words, delete_words
from streams_admin.writes.held import Held, as_held
from streams_admin.writes.pending import claim_words
from streams_admin.writes.provenance import Stamp

SCRIPTED_AT_ONCE = 100
"""Entries that one script moves: the server does nothing else meanwhile."""
TOO_LARGE, REFUSED = -3, -4
"""An entry has too many fields for a script; the server refused the copy of an entry after it had taken others."""


def dead_letter_words(key: bytes, group: bytes, to: bytes, entry: Held, fields: Fields, stamp: Stamp) -> list[Command]:
    """The copy and the acknowledgement, as they are sent where scripts are refused."""
    words = [word for pair in fields for word in pair]
    stamped = stamp.words(datetime.now(UTC))
    values: Command = (key, str(entry.id), group, entry.consumer, str(entry.deliveries), *stamped)
    told = [word for name, value in zip(provenance.NAMES, values, strict=True) for word in (name, value)]
    return [("XADD", to, "*", *words, *told), ("XACK", key, group, str(entry.id))]


def dead_letter(
    server: Server,
    key: bytes,
    group: bytes,
    to: bytes,
    entries: Sequence[Held],
    stamp: Stamp,
    *,
    delete: bool,
    retried: bool = False,
) -> list[int]:
    """Copy to the stream `to`, acknowledge and, with `delete`, delete: all of it or nothing, for each entry.

    Per entry 1 (moved), 0 (not pending any more), -1 (changed hands), -2 (no body) or REFUSED. Raises StreamError only
    while nothing was done. `retried` as for `ack`.
    """
    out: list[int] = []
    script = scripts.DEAD_LETTER_RETRIED if retried else scripts.DEAD_LETTER
    move = partial(_move, server, key, group, to, stamp, delete=delete, retried=retried)
    for at in range(0, len(entries), SCRIPTED_AT_ONCE):
        part = entries[at : at + SCRIPTED_AT_ONCE]
        told = ("1" if delete else "0", *stamp.words(datetime.now(UTC)))
        try:
            replies = server.writer.call("EVAL", script, 2, key, to, group, *told, *as_held(part))
            out.extend(map(int, replies))
        except (NotAllowed, ServerRefused):
            _one_by_one(part, move, out)
    large = [e for e, reply in zip(entries, out, strict=True) if reply == TOO_LARGE]
    singly = iter(_one_by_one(large, move, []))
    return [next(singly) if reply == TOO_LARGE else reply for reply in out]


def _one_by_one(entries: Iterable[Held], move: Callable[[Held], int], out: list[int]) -> list[int]:
    """`move` each and append its reply. After one was moved, what is refused is REFUSED instead of raised."""
    for entry in entries:
        try:
            out.append(move(entry))
        except (NotAllowed, ServerRefused):
            if 1 not in out:
                raise
            out.append(REFUSED)
    return out


def _move(
    server: Server,
    key: bytes,
    group: bytes,
    to: bytes,
    stamp: Stamp,
    entry: Held,
    *,
    delete: bool,
    retried: bool,
) -> int:
    """As one entry of `dead_letter`, without a script.

    MULTI makes the copy and the acknowledgement one step, but cannot ask first who holds the entry. So it is claimed
    for its own consumer before, which the server does only while it is as idle as it was seen, and which keeps others
    from claiming it; a `retried` one however idle it is. Its worker may still acknowledge in between: then the copy is
    taken back.
    """
    found = server.run(EntryRange(key, entry.id, entry.id, limit=1)).items
    if not found:
        return -2
    words = dead_letter_words(key, group, to, entry, found[0].fields, stamp)
    words += [delete_words(key, [entry.id])] if delete else []
    _may(server, words)
    idle_ms = 0 if retried else entry.idle_ms
    if not server.writer.call(*claim_words(key, group, entry.consumer, idle_ms, [entry.id])):
        return 0 if retried else -1
    copied, acknowledged = _together(server, words)[:2]
    if not acknowledged:
        server.writer.call(*delete_words(to, [StreamId.parse(copied)]))
    return int(acknowledged)


def _may(server: Server, words: Sequence[Command]) -> None:
    """Raises NotAllowed when the server's ACL refuses one of the commands; none is carried out."""
    for reply in server.writer.each([("MULTI",), *words, ("DISCARD",)]):
        need(reply)


def _together(server: Server, words: Sequence[Command]) -> list[Any]:
    """The replies of a MULTI. Raises the error of the command that was refused; then none was carried out."""
    replies = server.writer.each([("MULTI",), *words, ("EXEC",)])
    for reply in replies:
        need(reply)
    return list(replies[-1])


def replay(server: Server, key: bytes, to: bytes, ids: Sequence[StreamId]) -> list[int]:
    """Copy entries to the stream `to`, all in one step: the copies stand there behind each other, or none does.

    Per entry 1 (copied), 0 (not there) or REFUSED. Where scripts are refused, and for very many fields, by MULTI.
    """
    try:
        replies = list(map(int, server.writer.call("EVAL", scripts.REPLAY, 2, key, to, *map(str, ids))))
    except (NotAllowed, ServerRefused):
        replies = [TOO_LARGE]
    return _replay(server, key, to, ids) if replies == [TOO_LARGE] else replies


def _replay(server: Server, key: bytes, to: bytes, ids: Sequence[StreamId]) -> list[int]:
    pages = [server.run(EntryRange(key, id_, id_, limit=1)).items for id_ in ids]
    words = [add_words(to, provenance.stripped(page[0].fields, to)) for page in pages if page]
    if words:
        _together(server, words)
    return [len(page) for page in pages]
