"""The only mutating commands on a watched Redis. One small function each; the hands never send anything twice.

Each raises StreamError: Unreachable when nothing was sent, OutcomeUnknown when the reply was lost, and what the server
refused as it said it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dashboard.streams.errors import NotAllowed, OutcomeUnknown, ServerRefused, StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import Command, EntryRange
from dashboard.streams.replies import Reply, need, row, rows
from dashboard.streams.servers import Server
from dashboard.streams.snapshots import Fields
from streams_admin import provenance, scripts
from streams_admin.provenance import Stamp


@dataclass(frozen=True, slots=True)
class Held:
    """A pending entry as it was last seen; what a guarded command compares with. `idle_ms` at that moment."""

    id: StreamId
    consumer: bytes
    deliveries: int
    idle_ms: int


@dataclass(frozen=True, slots=True)
class Alike:
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

    def each(self) -> list[Held]:
        return [Held(StreamId.parse(i), self.consumer, self.deliveries, self.idle_ms) for i in self.ids.split()]


def _as_seen(parts: Sequence[Alike], *, retried: bool = False) -> list[str | bytes | int]:
    """What the scripts that look at all entries at once compare with."""
    text = " ".join(part.ids for part in parts)
    first, last = text[: text.find(" ")] if " " in text else text, text[text.rfind(" ") + 1 :]
    alone = int(not retried and len({part.consumer for part in parts}) == 1)
    runs = [word for part in parts for word in (part.count, part.consumer, part.deliveries)]
    return [text, first, last, alone, *runs]


def _all(server: Server, words: Sequence[Command]) -> list[Reply]:
    """The replies to several commands. Raises the refusal of all; of a part, it has to be found out what was done."""
    replies = server.hands.each(words)
    refused = [reply for reply in replies if isinstance(reply, StreamError)]
    if refused and len(refused) == len(replies):
        raise refused[0]
    if refused:
        raise OutcomeUnknown(f"A part of it was refused. {refused[0].message}")
    return replies


def ack_words(key: bytes, group: bytes, ids: Iterable[StreamId]) -> Command:
    """XACK as it is sent where scripts are refused, and as a plan shows it."""
    return ("XACK", key, group, *map(str, ids))


def claim_words(
    key: bytes, group: bytes, to: bytes, min_idle_ms: int, ids: Iterable[StreamId], *options: str | int
) -> Command:
    """XCLAIM JUSTID."""
    return ("XCLAIM", key, group, to, min_idle_ms, *map(str, ids), *options, "JUSTID")


def trim_words(key: bytes, bound: int | StreamId, *, approximate: bool, limit: int = 0, acked: bool = False) -> Command:
    """XTRIM to a length (a number) or below an ID. `limit` bounds an approximate one; 0: the server's own bound.

    `acked` (Redis 8.2): only what no group has pending or unread.
    """
    sign = "~" if approximate else "="
    kind: Command = ("MAXLEN", sign, bound) if isinstance(bound, int) else ("MINID", sign, str(bound))
    return ("XTRIM", key, *kind, *(("LIMIT", limit) if approximate and limit else ()), *(("ACKED",) if acked else ()))


def ack(server: Server, key: bytes, group: bytes, parts: Sequence[Alike], *, retried: bool = False) -> list[int] | None:
    """Per entry 1 (acknowledged), 0 (was not pending any more) or -1 (changed hands meanwhile); None: 1 for all.

    `retried`: also what was delivered again meanwhile, to whomever.

    One script, so that nothing can change between look and act. Where scripts are refused, plain XACK: the caller has
    looked just before.
    """
    try:
        script = scripts.ACK_RETRIED if retried else scripts.ACK
        reply = server.hands.call("EVAL", script, 1, key, group, *_as_seen(parts, retried=retried))
        return None if isinstance(reply, int) else list(reply)
    except (NotAllowed, ServerRefused):
        ids = [id_ for part in parts for id_ in part.ids.split()]
        return [int(reply) for reply in _all(server, [("XACK", key, group, id_) for id_ in ids])]


def claim(
    server: Server,
    key: bytes,
    group: bytes,
    to: bytes,
    parts: Sequence[Alike],
    *,
    min_idle_ms: int,
    bump: bool = False,
    keep_idle: bool = False,
    force: bool = False,
) -> list[bytes]:
    """XCLAIM JUSTID: the IDs that now belong to `to`. Entries idle for less than `min_idle_ms` stay where they are.

    JUSTID does not count a delivery; `bump` does it by RETRYCOUNT, so that no payload travels. `keep_idle` gives each
    entry the idle time it had (IDLE) instead of 0. Commands differ only by these, so equal ones are sent together.
    """
    words = claims(key, group, to, parts, min_idle_ms=min_idle_ms, bump=bump, keep_idle=keep_idle, force=force)
    return [id_ for reply in _all(server, words) for id_ in reply]


def claims(
    key: bytes,
    group: bytes,
    to: bytes,
    parts: Sequence[Alike],
    *,
    min_idle_ms: int,
    bump: bool = False,
    keep_idle: bool = False,
    force: bool = False,
) -> list[Command]:
    """The commands of `claim`."""
    forced = ("FORCE",) if force else ()
    return [
        ("XCLAIM", key, group, to, min_idle_ms, *" ".join(ids).encode().split(), *options, *forced, "JUSTID")
        for options, ids in _together_by(parts, bump=bump, keep_idle=keep_idle).items()
    ]


def _together_by(parts: Iterable[Alike], *, bump: bool, keep_idle: bool) -> dict[tuple[str | int, ...], list[str]]:
    found: dict[tuple[str | int, ...], list[str]] = {}
    for part in parts:
        idle: tuple[str | int, ...] = ("IDLE", max(part.idle_ms, 0)) if keep_idle else ()
        count: tuple[str | int, ...] = ("RETRYCOUNT", part.deliveries + 1) if bump else ()
        found.setdefault((*idle, *count), []).append(part.ids)
    return found


def trim(
    server: Server, key: bytes, bound: int | StreamId, *, approximate: bool, limit: int = 0, acked: bool = False
) -> int:
    """How many entries went."""
    return int(server.hands.call(*trim_words(key, bound, approximate=approximate, limit=limit, acked=acked)))


def group_create_words(
    key: bytes, group: bytes, position: StreamId, *, mkstream: bool = False, entries_read: int | None = None
) -> Command:
    """XGROUP CREATE behind `position`. `entries_read` (7.0 and later) lets the server know the lag at once."""
    counted = () if entries_read is None else ("ENTRIESREAD", entries_read)
    return ("XGROUP", "CREATE", key, group, str(position), *(("MKSTREAM",) if mkstream else ()), *counted)


def group_set_words(key: bytes, group: bytes, position: StreamId, *, entries_read: int | None = None) -> Command:
    """XGROUP SETID; `entries_read` as in `group_create_words`."""
    counted = () if entries_read is None else ("ENTRIESREAD", entries_read)
    return ("XGROUP", "SETID", key, group, str(position), *counted)


def group_destroy_words(key: bytes, group: bytes) -> Command:
    return ("XGROUP", "DESTROY", key, group)


def consumer_create_words(key: bytes, group: bytes, consumer: bytes) -> Command:
    return ("XGROUP", "CREATECONSUMER", key, group, consumer)


def consumer_delete_words(key: bytes, group: bytes, consumer: bytes) -> Command:
    return ("XGROUP", "DELCONSUMER", key, group, consumer)


def stream_delete_words(key: bytes) -> Command:
    return ("UNLINK", key)


def group_create(
    server: Server,
    key: bytes,
    group: bytes,
    position: StreamId,
    *,
    mkstream: bool = False,
    entries_read: int | None = None,
) -> None:
    """Raises ServerRefused (BUSYGROUP) when there is such a group."""
    server.hands.call(*group_create_words(key, group, position, mkstream=mkstream, entries_read=entries_read))


def consumer_create(server: Server, key: bytes, group: bytes, consumer: bytes) -> bool:
    """False when it was there already."""
    return bool(server.hands.call(*consumer_create_words(key, group, consumer)))


def on_group_as_seen(
    server: Server, words: Command, *, position: StreamId, pending: int = 2**53, consumers: int = 2**53
) -> int:
    """An XGROUP command (`words`) on a group that must stand at `position`, with no more pending and consumers.

    1 done, 0 there is no such group, -1 it changed. One script, because WATCH does not see groups change. Where scripts
    are refused, a look and then the plain command.
    """
    _, sub, key, group, *rest = words
    try:
        return int(
            server.hands.call(
                "EVAL", scripts.GROUP_AS_SEEN, 1, key, group, str(position), pending, consumers, sub, *rest
            )
        )
    except (NotAllowed, ServerRefused):
        found = next((g for g in rows(server.hands.call("XINFO", "GROUPS", key)) if g[b"name"] == group), None)
        if found is None:
            return 0
        stands = found[b"last-delivered-id"] == str(position).encode()
        if not stands or found[b"pending"] > pending or found[b"consumers"] > consumers:
            return -1
        server.hands.call(*words)
        return 1


def consumer_delete(server: Server, key: bytes, group: bytes, consumer: bytes) -> int:
    """0 deleted, -1 not deleted because it holds entries.

    Where scripts are refused it looks, then deletes; the entries that it was given in between are lost from the pending
    list, and their number is returned.
    """
    try:
        return int(server.hands.call("EVAL", scripts.DELETE_IDLE_CONSUMER, 1, key, group, consumer))
    except (NotAllowed, ServerRefused):
        if server.hands.call("XPENDING", key, group, "-", "+", 1, consumer):
            return -1
        return int(server.hands.call(*consumer_delete_words(key, group, consumer)))


def stream_delete(server: Server, key: bytes, *, last_generated_id: StreamId, length: int, groups: int) -> int:
    """1 deleted, 0 it was not there, -1 it changed. Where scripts are refused, a look and then UNLINK.

    Raises Gone, and NotAStream: UNLINK alone would delete a key of any type.
    """
    try:
        return int(
            server.hands.call("EVAL", scripts.DELETE_STREAM_AS_SEEN, 1, key, str(last_generated_id), length, groups)
        )
    except (NotAllowed, ServerRefused):
        found = row(server.hands.call("XINFO", "STREAM", key))
        seen = (str(last_generated_id).encode(), length, groups)
        if (found[b"last-generated-id"], found[b"length"], found[b"groups"]) != seen:
            return -1
        return int(server.hands.call(*stream_delete_words(key)))


def nack_words(key: bytes, group: bytes, ids: Sequence[StreamId]) -> Command:
    """XNACK FAIL: back to nobody, the delivery count as it is."""
    return ("XNACK", key, group, "FAIL", "IDS", len(ids), *map(str, ids))


def nack(server: Server, key: bytes, group: bytes, entries: Sequence[Held]) -> list[int]:
    """XNACK (Redis 8.8). Per entry 1 (released), 0 (not pending any more) or -1 (changed hands meanwhile).

    Where scripts are refused, plain XNACK: the caller has looked just before.
    """
    try:
        return list(server.hands.call("EVAL", scripts.NACK, 1, key, group, *_as_held(entries)))
    except (NotAllowed, ServerRefused):
        return [int(reply) for reply in _all(server, [nack_words(key, group, [e.id]) for e in entries])]


def release(server: Server, key: bytes, group: bytes, entries: Sequence[Held], *, idle_ms: int) -> list[int]:
    """XCLAIM to the consumer that holds it, as idle for `idle_ms`. Per entry as `nack`, or -2: it has no body.

    Where scripts are refused, plain XCLAIM with the idle time it was seen with as the guard.
    """
    try:
        return list(server.hands.call("EVAL", scripts.RELEASE, 1, key, group, idle_ms, *_as_held(entries)))
    except (NotAllowed, ServerRefused):
        words = [claim_words(key, group, e.consumer, e.idle_ms, [e.id], "IDLE", idle_ms) for e in entries]
        return [1 if reply else -1 for reply in _all(server, words)]


def _as_held(entries: Iterable[Held]) -> list[str | bytes]:
    return [word for e in entries for word in (str(e.id), e.consumer, str(e.deliveries))]


def delete_words(key: bytes, ids: Sequence[StreamId], references: str = "keep") -> Command:
    """XDEL; XDELEX (Redis 8.2) when pending lists are to be cleaned (`delete`) or to be asked (`acked`)."""
    if references == "keep":
        return ("XDEL", key, *map(str, ids))
    mode = {"delete": "DELREF", "acked": "ACKED"}[references]
    return ("XDELEX", key, mode, "IDS", len(ids), *map(str, ids))


def delete(server: Server, key: bytes, ids: Sequence[StreamId], *, references: str = "keep") -> list[int]:
    """Per entry 1 (deleted), -1 (was not there) or, with `acked`, 2 (kept: a group has it pending or unread)."""
    if references == "keep":
        return [1 if reply else -1 for reply in _all(server, [delete_words(key, [id_]) for id_ in ids])]
    return list(server.hands.call(*delete_words(key, ids, references)))


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
            replies = server.hands.call("EVAL", script, 2, key, to, group, *told, *_as_held(part))
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
    if not server.hands.call(*claim_words(key, group, entry.consumer, idle_ms, [entry.id])):
        return 0 if retried else -1
    copied, acknowledged = _together(server, words)[:2]
    if not acknowledged:
        server.hands.call(*delete_words(to, [StreamId.parse(copied)]))
    return int(acknowledged)


def _may(server: Server, words: Sequence[Command]) -> None:
    """Raises NotAllowed when the server's ACL refuses one of the commands; none is carried out."""
    for reply in server.hands.each([("MULTI",), *words, ("DISCARD",)]):
        need(reply)


def _together(server: Server, words: Sequence[Command]) -> list[Any]:
    """The replies of a MULTI. Raises the error of the command that was refused; then none was carried out."""
    replies = server.hands.each([("MULTI",), *words, ("EXEC",)])
    for reply in replies:
        need(reply)
    return list(replies[-1])


def add_words(key: bytes, fields: Fields, id_: str = "*", *, mkstream: bool = True, trim: Command = ()) -> Command:
    """XADD. `trim`: MAXLEN or MINID with its sign and bound."""
    return (
        "XADD",
        key,
        *(() if mkstream else ("NOMKSTREAM",)),
        *trim,
        id_,
        *(word for pair in fields for word in pair),
    )


def add(server: Server, words: Command) -> StreamId | None:
    """The ID of the new entry; None when there is no stream and none was to be created."""
    reply = server.hands.call(*words)
    return StreamId.parse(reply) if reply else None


def replay(server: Server, key: bytes, to: bytes, ids: Sequence[StreamId]) -> list[int]:
    """Copy entries to the stream `to`, all in one step: the copies stand there behind each other, or none does.

    Per entry 1 (copied), 0 (not there) or REFUSED. Where scripts are refused, and for very many fields, by MULTI.
    """
    try:
        replies = list(map(int, server.hands.call("EVAL", scripts.REPLAY, 2, key, to, *map(str, ids))))
    except (NotAllowed, ServerRefused):
        replies = [TOO_LARGE]
    return _replay(server, key, to, ids) if replies == [TOO_LARGE] else replies


def _replay(server: Server, key: bytes, to: bytes, ids: Sequence[StreamId]) -> list[int]:
    pages = [server.run(EntryRange(key, id_, id_, limit=1)).items for id_ in ids]
    words = [add_words(to, provenance.stripped(page[0].fields, to)) for page in pages if page]
    if words:
        _together(server, words)
    return [len(page) for page in pages]
