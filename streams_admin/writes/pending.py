"""Writes on pending entries: acknowledge, claim, release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import Command
from streams_admin.writes import scripts
from streams_admin.writes.leases import Lease, LeaseBatch, all_replies, as_leases, as_seen, seen_again
from streams_admin.writes.scripting import NoScripts, run_script


def ack_argv(key: bytes, group: bytes, ids: Iterable[StreamId]) -> Command:
    """XACK as it is sent where scripts are refused, and as a plan shows it."""
    return ("XACK", key, group, *map(str, ids))


def claim_argv(
    key: bytes, group: bytes, to: bytes, min_idle_ms: int, ids: Iterable[StreamId], *options: str | int
) -> Command:
    """XCLAIM JUSTID."""
    return ("XCLAIM", key, group, to, min_idle_ms, *map(str, ids), *options, "JUSTID")


def ack(
    server: Server, key: bytes, group: bytes, parts: Sequence[LeaseBatch], *, retried: bool = False
) -> list[int] | None:
    """Per entry 1 (acknowledged), 0 (was not pending any more) or -1 (claimed by another meanwhile); None: 1 for all.

    `retried`: also what was delivered again meanwhile, to whomever.

    One script, so that nothing can change between look and act. Where scripts are refused, a look and plain XACK.
    """
    try:
        script = scripts.ACK_RETRIED if retried else scripts.ACK
        reply = run_script(server, script, 1, key, group, *as_seen(parts, retried=retried))
        return None if isinstance(reply, int) else list(reply)
    except NoScripts:
        entries = [entry for part in parts for entry in part.each()]
        now = seen_again(server, key, group, entries, retried=retried)
        return _where_as_seen(server, now, [("XACK", key, group, str(entry.id)) for entry in entries])


def _where_as_seen(server: Server, now: Sequence[int], commands: Sequence[Command]) -> list[int]:
    """`commands` of the entries that are 1 now, and what came of them."""
    replies = iter(all_replies(server, [command for command, state in zip(commands, now, strict=True) if state == 1]))
    return [int(next(replies)) if state == 1 else state for state in now]


def claim(server: Server, commands: Sequence[Command]) -> list[bytes]:
    """Sends what `claims` made: the IDs that now belong to the new consumer."""
    return [id_ for reply in all_replies(server, commands) for id_ in reply]


@dataclass(frozen=True, slots=True)
class Marks:
    """What claimed entries look like afterwards. None: idle for 0 ms, and delivered as often as before.

    JUSTID does not count a delivery; `bump` does it by RETRYCOUNT, so that no payload travels. `keep_idle` gives each
    entry the idle time it had (IDLE). `time_ms`: when it was last delivered, since 1970.
    """

    bump: bool = False
    keep_idle: bool = False
    idle_ms: int | None = None
    time_ms: int | None = None
    retrycount: int | None = None

    def of(self, part: LeaseBatch) -> tuple[str | int, ...]:
        """The options of XCLAIM for these entries."""
        idle = max(part.idle_ms, 0) if self.keep_idle else self.idle_ms
        count = part.deliveries + 1 if self.bump else self.retrycount
        given = (("IDLE", idle), ("TIME", self.time_ms), ("RETRYCOUNT", count))
        return tuple(word for option, value in given if value is not None for word in (option, value))


def claims(
    key: bytes,
    group: bytes,
    to: bytes,
    parts: Sequence[LeaseBatch],
    marks: Marks,
    *,
    min_idle_ms: int,
    force: bool = False,
) -> list[Command]:
    """XCLAIM JUSTID of these for `to`. Entries idle for less than `min_idle_ms` stay where they are.

    Commands differ only by the options of `marks`, so equal ones are sent together.
    """
    forced = ("FORCE",) if force else ()
    return [
        ("XCLAIM", key, group, to, min_idle_ms, *" ".join(ids).encode().split(), *options, *forced, "JUSTID")
        for options, ids in _together_by(parts, marks).items()
    ]


def _together_by(parts: Iterable[LeaseBatch], marks: Marks) -> dict[tuple[str | int, ...], list[str]]:
    found: dict[tuple[str | int, ...], list[str]] = {}
    for part in parts:
        found.setdefault(marks.of(part), []).append(part.ids)
    return found


def nack_argv(key: bytes, group: bytes, ids: Sequence[StreamId]) -> Command:
    """XNACK FAIL: back to nobody, the delivery count as it is."""
    return ("XNACK", key, group, "FAIL", "IDS", len(ids), *map(str, ids))


def nack(server: Server, key: bytes, group: bytes, entries: Sequence[Lease]) -> list[int]:
    """XNACK (Redis 8.8). Per entry 1 (released), 0 (not pending any more) or -1 (claimed by another meanwhile).

    Where scripts are refused, a look and plain XNACK.
    """
    try:
        return list(run_script(server, scripts.NACK, 1, key, group, *as_leases(entries)))
    except NoScripts:
        now = seen_again(server, key, group, entries)
        return _where_as_seen(server, now, [nack_argv(key, group, [e.id]) for e in entries])


def release(server: Server, key: bytes, group: bytes, entries: Sequence[Lease], *, idle_ms: int) -> list[int]:
    """XCLAIM to the consumer that holds it, as idle for `idle_ms`. Per entry as `nack`, or -2: it has no body.

    Where scripts are refused, plain XCLAIM with the idle time it was seen with as the guard.
    """
    try:
        return list(run_script(server, scripts.RELEASE, 1, key, group, idle_ms, *as_leases(entries)))
    except NoScripts:
        commands = [claim_argv(key, group, e.consumer, e.idle_ms, [e.id], "IDLE", idle_ms) for e in entries]
        return [1 if reply else -1 for reply in all_replies(server, commands)]
