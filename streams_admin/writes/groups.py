"""Writes on groups, consumers and whole streams, each only while they are as they were seen."""

from __future__ import annotations

from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import Command
from dashboard.streams.replies import row, rows
from streams_admin.writes import scripts
from streams_admin.writes.scripting import NoScripts, run_script


def group_create_argv(
    key: bytes, group: bytes, position: StreamId, *, mkstream: bool = False, entries_read: int | None = None
) -> Command:
    """XGROUP CREATE behind `position`. `entries_read` (7.0 and later) lets the server know the lag at once."""
    counted = () if entries_read is None else ("ENTRIESREAD", entries_read)
    return ("XGROUP", "CREATE", key, group, str(position), *(("MKSTREAM",) if mkstream else ()), *counted)


def group_set_argv(key: bytes, group: bytes, position: StreamId, *, entries_read: int | None = None) -> Command:
    """XGROUP SETID; `entries_read` as in `group_create_argv`."""
    counted = () if entries_read is None else ("ENTRIESREAD", entries_read)
    return ("XGROUP", "SETID", key, group, str(position), *counted)


def group_destroy_argv(key: bytes, group: bytes) -> Command:
    return ("XGROUP", "DESTROY", key, group)


def consumer_create_argv(key: bytes, group: bytes, consumer: bytes) -> Command:
    return ("XGROUP", "CREATECONSUMER", key, group, consumer)


def consumer_delete_argv(key: bytes, group: bytes, consumer: bytes) -> Command:
    return ("XGROUP", "DELCONSUMER", key, group, consumer)


def stream_delete_argv(key: bytes) -> Command:
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
    server.writer.call(*group_create_argv(key, group, position, mkstream=mkstream, entries_read=entries_read))


def consumer_create(server: Server, key: bytes, group: bytes, consumer: bytes) -> bool:
    """False when it was there already."""
    return bool(server.writer.call(*consumer_create_argv(key, group, consumer)))


def on_group_as_seen(
    server: Server, argv: Command, *, position: StreamId, pending: int = 2**53, consumers: int = 2**53
) -> int:
    """An XGROUP command (`argv`) on a group that must stand at `position`, with no more pending and consumers.

    1 done, 0 there is no such group, -1 it changed. One script, because WATCH does not see groups change. Where scripts
    are refused, a look and then the plain command.
    """
    _, sub, key, group, *rest = argv
    seen = (str(position), pending, consumers)
    try:
        return int(run_script(server, scripts.GROUP_AS_SEEN, 1, key, group, *seen, sub, *rest))
    except NoScripts:
        found = next((g for g in rows(server.writer.call("XINFO", "GROUPS", key)) if g[b"name"] == group), None)
        if found is None:
            return 0
        stands = found[b"last-delivered-id"] == str(position).encode()
        if not stands or found[b"pending"] > pending or found[b"consumers"] > consumers:
            return -1
        server.writer.call(*argv)
        return 1


def consumer_delete(server: Server, key: bytes, group: bytes, consumer: bytes) -> int:
    """0 deleted, -1 not deleted because it holds entries.

    Where scripts are refused it looks, then deletes; the entries that it was given in between are lost from the pending
    list, and their number is returned.
    """
    try:
        return int(run_script(server, scripts.DELETE_IDLE_CONSUMER, 1, key, group, consumer))
    except NoScripts:
        if server.writer.call("XPENDING", key, group, "-", "+", 1, consumer):
            return -1
        return int(server.writer.call(*consumer_delete_argv(key, group, consumer)))


def stream_delete(server: Server, key: bytes, *, last_generated_id: StreamId, length: int, groups: int) -> int:
    """1 deleted, 0 it was not there, -1 it changed. Where scripts are refused, a look and then UNLINK.

    Raises Gone, and NotAStream: UNLINK alone would delete a key of any type.
    """
    seen = (str(last_generated_id), length, groups)
    try:
        return int(run_script(server, scripts.DELETE_STREAM_AS_SEEN, 1, key, *seen))
    except NoScripts:
        found = row(server.writer.call("XINFO", "STREAM", key))
        if (found[b"last-generated-id"].decode(), found[b"length"], found[b"groups"]) != seen:
            return -1
        return int(server.writer.call(*stream_delete_argv(key)))
