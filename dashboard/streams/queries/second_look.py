"""The second look at groups of a sample: which pending entries have no body any more, and what each consumer holds.

Whether a consumer works through what it holds shows in its oldest entry. Of ten consumers with a batch each, the
beginning of the pending list shows that of the first one only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dashboard.streams.errors import StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries.base import Command, Query, one_entry
from dashboard.streams.replies import Reply, entries, pending_entries
from dashboard.streams.samples import OLDEST, GroupSample, Samples, StreamSample, with_groups
from dashboard.streams.snapshots import PendingEntry, StreamFacts

BODIES = 64
BODIES_BYTES = 2**20
"""How many possibly deleted bodies of a group are looked for in one round, and about what they may weigh."""
HOLDERS = 50
"""Consumers of one group whose oldest entry is looked for in one round; with more they take turns."""


def _doubtful(sample: StreamSample, at: int) -> tuple[StreamId, ...]:
    """Pending entries inside the stream that may have been deleted: XDEL moves max-deleted-entry-id, trimming does not.

    Before 7.0 the server does not say how far deletion went, and every one is in doubt.
    """
    if sample.facts.first_id is None:
        return ()
    counts = sample.facts.entries_added is not None
    highest = sample.facts.max_deleted_id if counts else sample.facts.last_generated_id
    if highest is None:
        return ()
    first = sample.facts.first_id
    return tuple(e.id for e in sample.groups[at].part if first <= e.id <= highest)


def _bodies(stream: StreamFacts) -> int:
    """How many bodies of one group are looked for in one round."""
    return max(4, min(BODIES, BODIES_BYTES // max(stream.entry_bytes, 1)))


def _hidden(group: GroupSample, turn: int) -> tuple[bytes, ...]:
    """Consumers that hold something, and nothing at the beginning of the list: HOLDERS at most."""
    shown = {entry.consumer for entry in group.looked[:OLDEST]}
    left = sorted(c.name for c in group.consumers if c.pending and c.name not in shown)
    at = turn * HOLDERS % len(left) if len(left) > HOLDERS else 0
    return tuple((left + left)[at : at + min(HOLDERS, len(left))])


@dataclass(frozen=True, slots=True)
class GroupLook:
    """What is asked about group number `at` of a stream: these bodies, and the oldest entry of these consumers.

    `left`: the first body in doubt that is not asked for.
    """

    key: bytes
    at: int
    bodies: tuple[StreamId, ...] = ()
    left: tuple[StreamId, ...] = ()
    holders: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, sample: StreamSample | StreamError, key: bytes, at: int, turn: int | None) -> GroupLook:
        """`turn`: of consumers, where there are many; None: what they hold was asked for already."""
        if isinstance(sample, StreamError):
            return cls(key, at)
        group, bodies, most = sample.groups[at], _doubtful(sample, at), _bodies(sample.facts)
        holders = () if turn is None else _hidden(group, turn)
        return cls(key, at, bodies[:most], bodies[most : most + 1], holders)


@dataclass(frozen=True)
class SecondLook(Query[Samples]):
    """Counts ghosts: surely what lies before the first entry, and what is not found when it is looked for.

    Of more bodies in doubt than are looked for, the part of the list ends before the first that was not: the next
    round goes on there.
    """

    found: Samples
    groups: tuple[GroupLook, ...]
    onward: Callable[[Samples], Query[Samples]] | None = None
    """What is asked after it."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(group.key for group in self.groups))

    def build(self) -> Sequence[Command]:
        return [command for look in self.groups for command in self._commands(look)]

    def _commands(self, look: GroupLook) -> list[Command]:
        sample = self.found[look.key]
        name = sample.groups[look.at].facts.name if isinstance(sample, StreamSample) else b""
        bodies = [one_entry(look.key, id_) for id_ in look.bodies]
        return [*bodies, *(("XPENDING", look.key, name, "-", "+", 1, holder) for holder in look.holders)]

    def parse(self, replies: Sequence[Reply]) -> Samples:
        changed: dict[bytes, list[GroupSample]] = {}
        answers = iter(replies)
        for look in self.groups:
            sample = self.found[look.key]
            gone = sum(_is_gone(next(answers)) for _ in look.bodies)
            firsts = tuple(entry for _ in look.holders for entry in _oldest(next(answers)))
            if isinstance(sample, StreamSample):
                group = sample.groups[look.at]
                group = replace(group, go_on=look.left[0] if look.left else group.go_on, firsts=firsts)
                ghosts = _before_first(sample.facts, group) + gone
                changed.setdefault(look.key, list(sample.groups))[look.at] = replace(group, ghosts=ghosts)
        return with_groups(self.found, changed)

    def then(self, value: Samples) -> Query[Samples] | None:
        return self.onward(value) if self.onward else None


def _oldest(reply: Reply) -> tuple[PendingEntry, ...]:
    """One entry; none of a consumer that has acknowledged everything meanwhile, or that is gone."""
    return () if isinstance(reply, StreamError) else pending_entries(reply)


def _is_gone(reply: Reply) -> bool:
    return not isinstance(reply, StreamError) and not entries(reply)


def _before_first(stream: StreamFacts, group: GroupSample) -> int:
    if stream.first_id is None:
        return len(group.part) if group.began > MIN or group.go_on > MIN else group.facts.pending
    return sum(entry.id < stream.first_id for entry in group.part)
