"""The other stream of an action that copies entries: who may write to it, and what it must not reveal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.accounts.access import require
from dashboard.accounts.masking import mask
from dashboard.accounts.permissions import Permission
from dashboard.streams import links
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.names import from_path, plain
from dashboard.streams.snapshots import Entry, StreamFacts
from streams_admin.actions.context import Scope
from streams_admin.actions.reads.entries import pages, stream_facts
from streams_admin.errors import BadParameters

HASH_TAG = re.compile(rb"\{([^}]+)\}", re.DOTALL)
"""The part of a key that decides its slot, where there is one. Source: the Redis Cluster specification."""
COPYING = frozenset({"dead_letter", "replay"})
"""Actions whose `to` is a stream."""
IN_TARGET = "in the target"
"""The figure of its length. It names no stream: who reads it may not know of that one."""
LOOK_AT_MOST = 20_000
"""Entries of a target that are read to find out what came of a step."""


def target_of(slug: str, server: str, key: bytes, kept: Mapping[str, object]) -> bytes | None:
    """The stream an action copies to, by its parameters as they are kept; None where it copies nothing.

    Raises UnknownServer.
    """
    if slug not in COPYING:
        return None
    if "to" in kept:
        return from_path(str(kept["to"]))
    return links.get(server).config.dead_letters_of(key) if slug == "dead_letter" else None


def allow_target(scope: Scope, to: bytes, permission: Permission) -> None:
    """Raises Forbidden; BadParameters when copies would loop, be readable where masked, or lie in another slot."""
    require(scope.principal, permission, scope.server.name, to)
    if to == scope.key:
        raise BadParameters("to is the stream itself: that would never end.")
    open_there = set(mask(scope.key).fields) - set(mask(to).fields)
    if open_there:
        fields = ", ".join(sorted(open_there))
        unlike = f"{plain(to)} does not mask {fields} like {plain(scope.key)}"
        raise BadParameters(f"{unlike}: the copies would be readable.")
    if not scope.server.link.same_slot(scope.key, to):
        raise BadParameters(_other_slot(scope, to))


def _other_slot(scope: Scope, to: bytes) -> str:
    """One script copies and settles, and in cluster mode it may touch one slot only: why, and which name has it."""
    why = f"{plain(scope.key)} and {plain(to)} are in different slots of the cluster, so no script can write to both."
    rest = to.removeprefix(scope.key) if to.startswith(scope.key) else b":" + to
    tag = HASH_TAG.search(scope.key)
    name = b"{%s}%s" % (tag[1] if tag else scope.key, rest)
    fits = scope.server.link.same_slot(scope.key, name)
    return f"{why} Use a name with a hash tag, like {plain(name)}." if fits else why


def target_figures(scope: Scope, to: bytes) -> list[list[Any]]:
    """Its length, as an operation reads it before and after."""
    facts = stream_facts(scope, to)
    return [[IN_TARGET, facts.length if facts else 0]]


def reached(scope: Scope, to: bytes) -> StreamId:
    """The last ID the target has given so far: copies come behind it."""
    facts = stream_facts(scope, to)
    return facts.last_generated_id if facts else MIN


def tail_of(scope: Scope, to: bytes, since: StreamId) -> Iterator[tuple[tuple[Entry, ...], bool]]:
    """Pages of the target behind `since`, and whether that is certainly all that ever came there.

    Who reads a copy may delete it at once, and the target may be trimmed: only the stream's own counts tell.
    """
    facts = stream_facts(scope, to)
    if facts is None:
        yield (), since == MIN
        return
    whole = _nothing_went(facts, since)
    for page in pages(scope, to, since.next(), most=LOOK_AT_MOST):
        yield page.items, page.next is None and whole


def _nothing_went(facts: StreamFacts, since: StreamId) -> bool:
    """Whether no entry behind `since` was deleted or trimmed. Before 7.0 nobody can know."""
    if facts.entries_added is None:
        return False
    untrimmed = facts.first_id is not None and facts.first_id <= since
    undeleted = facts.max_deleted_id is None or facts.max_deleted_id <= since
    return facts.entries_added == facts.length or (untrimmed and undeleted)
