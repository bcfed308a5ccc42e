"""The only mutating commands on a watched Redis. One small function each; the hands never send anything twice.

Each raises StreamError: Unreachable when nothing was sent, OutcomeUnknown when the reply was lost, and what the server
refused as it said it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboard.streams.errors import NotAllowed, ServerRefused
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import Command
from dashboard.streams.replies import need
from dashboard.streams.servers import Server


@dataclass(frozen=True, slots=True)
class Held:
    """A pending entry as it was last seen; what a guarded command compares with. `idle_ms` at that moment."""

    id: StreamId
    consumer: bytes
    deliveries: int
    idle_ms: int


# Acknowledges each entry only while the same consumer holds it with the same delivery count.
# Replies per entry: 1 done, 0 not pending any more, -1 held by another consumer or delivered again.
_ACK = """
local out = {}
for i = 2, #ARGV, 3 do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if #found == 0 then
    out[#out + 1] = 0
  elseif found[1][2] ~= ARGV[i + 1] or found[1][4] ~= tonumber(ARGV[i + 2]) then
    out[#out + 1] = -1
  else
    out[#out + 1] = redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  end
end
return out
"""


def ack_words(key: bytes, group: bytes, ids: Iterable[StreamId]) -> Command:
    """XACK as it is sent where scripts are refused, and as a plan shows it."""
    return ("XACK", key, group, *map(str, ids))


def claim_words(
    key: bytes, group: bytes, to: bytes, min_idle_ms: int, ids: Iterable[StreamId], *options: str | int
) -> Command:
    """XCLAIM JUSTID."""
    return ("XCLAIM", key, group, to, min_idle_ms, *map(str, ids), *options, "JUSTID")


def trim_words(key: bytes, bound: int | StreamId, *, approximate: bool, limit: int = 0) -> Command:
    """XTRIM to a length (a number) or below an ID. `limit` bounds an approximate one; 0: the server's own bound."""
    sign = "~" if approximate else "="
    kind: Command = ("MAXLEN", sign, bound) if isinstance(bound, int) else ("MINID", sign, str(bound))
    return ("XTRIM", key, *kind, *(("LIMIT", limit) if approximate and limit else ()))


def ack(server: Server, key: bytes, group: bytes, entries: Sequence[Held]) -> list[int]:
    """Per entry 1 (acknowledged), 0 (was not pending any more) or -1 (changed hands meanwhile).

    One script, so that nothing can change between look and act. Where scripts are refused, plain XACK: the caller has
    looked just before.
    """
    flat = [word for e in entries for word in (str(e.id), e.consumer, str(e.deliveries))]
    try:
        return list(server.hands.call("EVAL", _ACK, 1, key, group, *flat))
    except (NotAllowed, ServerRefused):
        replies = server.hands.each([ack_words(key, group, [e.id]) for e in entries])
        return [int(need(reply)) for reply in replies]


def claim(
    server: Server,
    key: bytes,
    group: bytes,
    to: bytes,
    entries: Sequence[Held],
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
    forced = ("FORCE",) if force else ()
    commands = [
        claim_words(key, group, to, min_idle_ms, [e.id for e in part], *options, *forced)
        for options, part in _alike(entries, bump=bump, keep_idle=keep_idle)
    ]
    return [id_ for reply in server.hands.each(commands) for id_ in need(reply)]


def _alike(entries: Iterable[Held], *, bump: bool, keep_idle: bool) -> list[tuple[tuple[str | int, ...], list[Held]]]:
    parts: dict[tuple[str | int, ...], list[Held]] = {}
    for entry in entries:
        idle: tuple[str | int, ...] = ("IDLE", max(entry.idle_ms, 0)) if keep_idle else ()
        count: tuple[str | int, ...] = ("RETRYCOUNT", entry.deliveries + 1) if bump else ()
        parts.setdefault((*idle, *count), []).append(entry)
    return list(parts.items())


def trim(server: Server, key: bytes, bound: int | StreamId, *, approximate: bool, limit: int = 0) -> int:
    """How many entries went."""
    return int(server.hands.call(*trim_words(key, bound, approximate=approximate, limit=limit)))
