"""Copies of entries on another stream, each exactly once: dead-letter and replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dashboard.streams.errors import Gone, NotAllowed, OutcomeUnknown, ServerRefused, StreamError, Unreachable
from dashboard.streams.ids import MAX, StreamId
from dashboard.streams.links import ID_PASSED, Server
from dashboard.streams.queries import Command, EntryRange
from dashboard.streams.replies import Reply, need, row
from dashboard.streams.snapshots import Fields
from streams_admin.writes import provenance, scripts
from streams_admin.writes.entries import PASSED, add_argv, delete_argv
from streams_admin.writes.leases import Lease, as_leases
from streams_admin.writes.pending import claim_argv
from streams_admin.writes.provenance import Stamp
from streams_admin.writes.scripting import NoScripts, run_script

SCRIPTED_AT_ONCE = 100
"""Entries that one script moves: the server does nothing else meanwhile."""
TOO_LARGE, REFUSED = -3, -4
"""An entry has too many fields for a script; the server refused the copy of an entry after it had taken others."""


def dead_letter_argv(key: bytes, group: bytes, to: bytes, entry: Lease, fields: Fields, stamp: Stamp) -> list[Command]:
    """The copy and the acknowledgement, as they are sent where scripts are refused."""
    words = [word for pair in fields for word in pair]
    stamped = stamp.words(datetime.now(UTC))
    values: Command = (key, str(entry.id), group, entry.consumer, str(entry.deliveries), *stamped)
    origin = [word for name, value in zip(provenance.NAMES, values, strict=True) for word in (name, value)]
    return [("XADD", to, "*", *words, *origin), ("XACK", key, group, str(entry.id))]


def dead_letter(
    server: Server,
    key: bytes,
    group: bytes,
    to: bytes,
    entries: Sequence[Lease],
    stamp: Stamp,
    *,
    delete: bool,
    retried: bool = False,
) -> list[int]:
    """Copy to the stream `to`, acknowledge and, with `delete`, delete: all of it or nothing, for each entry.

    Per entry 1 (moved), 0 (not pending any more), -1 (claimed by another), -2 (no body), REFUSED. Raises StreamError
    only while nothing was done, OutcomeUnknown afterwards. `retried` as for `ack`.
    """
    out: list[int] = []
    script = scripts.DEAD_LETTER_RETRIED if retried else scripts.DEAD_LETTER
    move = partial(_move, server, key, group, to, stamp, delete=delete, retried=retried)
    for at in range(0, len(entries), SCRIPTED_AT_ONCE):
        part = entries[at : at + SCRIPTED_AT_ONCE]
        argv = ("1" if delete else "0", *stamp.words(datetime.now(UTC)))
        try:
            replies = run_script(server, script, 2, key, to, group, *argv, *as_leases(part))
            out.extend(map(int, replies))
        except Unreachable as error:
            raise _partly(error, out) from error
        except NoScripts:
            _one_by_one(part, move, out)
    large = [e for e, reply in zip(entries, out, strict=True) if reply == TOO_LARGE]
    moved = _one_by_one(large, move, [reply for reply in out if reply == 1])
    singly = iter(moved[out.count(1) :])
    return [next(singly) if reply == TOO_LARGE else reply for reply in out]


CHANGES = 20
"""How often a copy is begun anew because somebody else added to the target."""


def _one_by_one(entries: Iterable[Lease], move: Callable[[Lease], int], out: list[int]) -> list[int]:
    """`move` each and append its reply. After one was moved, what is refused is REFUSED instead of raised."""
    for entry in entries:
        try:
            out.append(move(entry))
        except (NotAllowed, ServerRefused):
            if 1 not in out:
                raise
            out.append(REFUSED)
        except Unreachable as error:
            raise _partly(error, out) from error
    return out


def _partly(error: Unreachable, out: Sequence[int]) -> StreamError:
    """The server went away, perhaps after some were moved: then what was done has to be found out."""
    return OutcomeUnknown(f"Part of it was done. {error.message}") if 1 in out else error


def _move(
    server: Server,
    key: bytes,
    group: bytes,
    to: bytes,
    stamp: Stamp,
    entry: Lease,
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
    commands = dead_letter_argv(key, group, to, entry, found[0].fields, stamp)
    commands += [delete_argv(key, [entry.id])] if delete else []
    _may(server, commands)
    idle_ms = 0 if retried else entry.idle_ms
    if not server.writer.call(*claim_argv(key, group, entry.consumer, idle_ms, [entry.id])):
        return 0 if retried else -1
    copied, acknowledged = _while_it_takes_copies(server, to, commands)[:2]
    if not acknowledged:
        server.writer.call(*delete_argv(to, [StreamId.parse(copied)]))
    return int(acknowledged)


def _may(server: Server, commands: Sequence[Command]) -> None:
    """Raises NotAllowed when the server's ACL refuses one of the commands; none is carried out."""
    for reply in server.writer.each([("MULTI",), *commands, ("DISCARD",)]):
        need(reply)


def _while_it_takes_copies(server: Server, to: bytes, commands: Sequence[Command]) -> list[Any]:
    """The replies of a MULTI that begins with the copy, sent only while nothing keeps the target from taking it.

    A command that fails in a MULTI does not keep the others from being carried out: the entry would be acknowledged
    and its copy be nowhere. So the target is watched from a look on. Raises ServerRefused, and nothing was done.
    """

    def then(seen: Reply) -> Sequence[Command]:
        if not isinstance(seen, Gone) and row(need(seen))[b"last-generated-id"] == str(MAX).encode():
            raise ServerRefused("The target stream has reached the highest possible ID.")
        return commands

    for _ in range(CHANGES):
        replies = server.writer.checked(to, ("XINFO", "STREAM", to), then)
        if replies is not None:
            return list(map(need, replies))
    raise ServerRefused("Other clients keep adding to the target stream: no copy could be made safely.")


def _each_of(server: Server, commands: Sequence[Command]) -> list[Reply]:
    """The replies of a MULTI, with a StreamError for a command that failed inside: the others were carried out.

    Raises the error of a command that was refused before; then none was carried out.
    """
    replies = server.writer.each([("MULTI",), *commands, ("EXEC",)])
    for reply in replies:
        need(reply)
    return list(replies[-1])


Copies = Sequence[tuple[StreamId, StreamId]]
"""Entries, and the IDs that their copies are to have: ascending."""


def replay(server: Server, key: bytes, to: bytes, copies: Copies) -> list[int]:
    """Copy entries to the stream `to`, all in one step: the copies stand there behind each other, or none does.

    Per entry 1 (copied), 0 (not there), REFUSED or PASSED; when the first is PASSED nothing was copied. Sent again, it
    copies nothing twice. Where scripts are refused, and for very many fields, by MULTI.
    """
    argv = [str(id_) for pair in copies for id_ in pair]
    try:
        replies = list(map(int, run_script(server, scripts.REPLAY, 2, key, to, *argv)))
    except NoScripts:
        replies = [TOO_LARGE]
    if replies == [PASSED]:
        return [PASSED] * len(copies)
    return _replay(server, key, to, copies) if replies == [TOO_LARGE] else replies


def _replay(server: Server, key: bytes, to: bytes, copies: Copies) -> list[int]:
    pages = [server.run(EntryRange(key, id_, id_, limit=1)).items for id_, _ in copies]
    found = [(page[0], copy) for page, (_, copy) in zip(pages, copies, strict=True) if page]
    commands = [add_argv(to, provenance.stripped(entry.fields, to), str(copy)) for entry, copy in found]
    replies = iter(_each_of(server, commands) if commands else [])
    return [_copied(next(replies)) if page else 0 for page in pages]


def _copied(reply: Reply) -> int:
    if not isinstance(reply, StreamError):
        return 1
    return PASSED if isinstance(reply, ServerRefused) and reply.code == ID_PASSED else REFUSED
