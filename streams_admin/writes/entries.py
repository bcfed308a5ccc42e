"""Writes on the entries of a stream: add, trim, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dashboard.streams.errors import ServerRefused
from dashboard.streams.ids import StreamId
from dashboard.streams.links import ID_PASSED, Server
from dashboard.streams.queries import Command
from dashboard.streams.snapshots import Fields
from streams_admin.writes import scripts
from streams_admin.writes.leases import all_replies
from streams_admin.writes.scripting import NoScripts, run_script

Passed = Literal[-5]
PASSED: Passed = -5
"""The stream has gone past the ID that an entry was to have."""


def trim_argv(key: bytes, bound: int | StreamId, *, approximate: bool, limit: int = 0, acked: bool = False) -> Command:
    """XTRIM to a length (a number) or below an ID. `limit` bounds an approximate one; 0: the server's own bound.

    `acked` (Redis 8.2): only what no group has pending or unread.
    """
    sign = "~" if approximate else "="
    kind: Command = ("MAXLEN", sign, bound) if isinstance(bound, int) else ("MINID", sign, str(bound))
    return ("XTRIM", key, *kind, *(("LIMIT", limit) if approximate and limit else ()), *(("ACKED",) if acked else ()))


def trim(
    server: Server, key: bytes, bound: int | StreamId, *, approximate: bool, limit: int = 0, acked: bool = False
) -> int:
    """How many entries went."""
    return int(server.writer.call(*trim_argv(key, bound, approximate=approximate, limit=limit, acked=acked)))


def trim_until(server: Server, key: bytes, removed: int, *, approximate: bool, limit: int) -> int | None:
    """As `trim`, until so many entries of the stream are `removed` (entries-added less the length), by whomever.

    Sent twice, it removes no more. None, and nothing was done, where the server runs no scripts. Raises Gone.
    """
    return _scripted(server, scripts.TRIM_UNTIL, key, removed, "~" if approximate else "=", limit)


def trim_safely(
    server: Server, key: bytes, bound: StreamId, *, approximate: bool, limit: int, removed: int | None
) -> int | None:
    """As `trim`, below `bound` and below all that any group has pending or unread: seen in the same step.

    `removed` and None as in `trim_until`. Raises Gone.
    """
    until = "" if removed is None else removed
    return _scripted(server, scripts.TRIM_SAFELY, key, str(bound), "~" if approximate else "=", limit, until)


def _scripted(server: Server, script: str, key: bytes, *argv: str | int) -> int | None:
    try:
        return int(run_script(server, script, 1, key, *argv))
    except NoScripts:
        return None


def delete_argv(key: bytes, ids: Sequence[StreamId], references: str = "keep") -> Command:
    """XDEL; XDELEX (Redis 8.2) when pending lists are to be cleaned (`delete`) or to be asked (`acked`)."""
    if references == "keep":
        return ("XDEL", key, *map(str, ids))
    mode = {"delete": "DELREF", "acked": "ACKED"}[references]
    return ("XDELEX", key, mode, "IDS", len(ids), *map(str, ids))


def delete(server: Server, key: bytes, ids: Sequence[StreamId], *, references: str = "keep") -> list[int]:
    """Per entry 1 (deleted), -1 (was not there) or, with `acked`, 2 (kept: a group has it pending or unread)."""
    if references == "keep":
        return [1 if reply else -1 for reply in all_replies(server, [delete_argv(key, [id_]) for id_ in ids])]
    return list(server.writer.call(*delete_argv(key, ids, references)))


def add_argv(key: bytes, fields: Fields, id_: str = "*", *, mkstream: bool = True, trim: Command = ()) -> Command:
    """XADD. `trim`: MAXLEN or MINID with its sign and bound."""
    return (
        "XADD",
        key,
        *(() if mkstream else ("NOMKSTREAM",)),
        *trim,
        id_,
        *(word for pair in fields for word in pair),
    )


def add(server: Server, argv: Command) -> StreamId | Passed | None:
    """The ID of the new entry; None when there is no stream and none was to be created.

    PASSED when the stream has gone past the ID that it was to have: nothing was added.
    """
    try:
        reply = server.writer.call(*argv)
    except ServerRefused as refused:
        if refused.code == ID_PASSED:
            return PASSED
        raise
    return StreamId.parse(reply) if reply else None
