"""What the sampler asks of many streams at once: the same facts as the pages, and the oldest of what is pending.

Three round trips for a chunk of streams: the streams and all their groups; per group that holds or lacks something its
consumers, the beginning of its pending list and the next part of it; the bodies of that part that may be deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone, StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries import GROUPS_MAX, Command, Query, group_facts
from dashboard.streams.queries.base import one_entry
from dashboard.streams.queries.behind import behind, doubtful, recounted
from dashboard.streams.replies import Reply, consumers, entries, facts, pending_entries, rows, server_ms
from dashboard.streams.snapshots import ConsumerFacts, GroupFacts, PendingEntry, StreamFacts, groups_left_out

OLDEST = 100
"""How many of a group's pending entries are looked at from the lowest ID on."""
ROUND_TRIP = 1000
"""How many more, from where the round before ended, so that a long list is seen in time."""
BODIES = 64
BODIES_BYTES = 2**20
"""How many possibly deleted bodies of a group are looked for in one round, and about what they may weigh."""
MANY_CONSUMERS = 10
"""Consumers from which on a group is looked into though it has nothing to do: some may be left behind."""
LOOKS = 500
"""Groups of a chunk of streams that are looked into in one round; with more they take turns."""


@dataclass(frozen=True, slots=True)
class GroupSample:
    """A group at one moment. `looked`: pending entries seen this round; `ghosts`: how many of `part` have no body.

    A long list is gone through part by part, a part each round: this round's began at `began`.
    """

    facts: GroupFacts
    consumers: tuple[ConsumerFacts, ...] = ()
    looked: tuple[PendingEntry, ...] = ()
    ghosts: int = 0
    go_on: StreamId = MIN
    """Where the next round looks on; MIN when this one saw the end."""
    refused: str = ""
    """Why nothing could be looked at: the server does not allow it."""
    began: StreamId = MIN
    waits: bool = False
    """Whether it was not looked into this round, though it holds or lacks something: others had their turn."""

    @property
    def saw_all(self) -> bool:
        return self.began == MIN == self.go_on and len(self.looked) >= self.facts.pending

    @property
    def part(self) -> tuple[PendingEntry, ...]:
        """The entries of this round's part of the list: from `began` to before `go_on`."""
        end = self.go_on if self.go_on > MIN else None
        return tuple(e for e in self.looked if e.id >= self.began and (end is None or e.id < end))


@dataclass(frozen=True, slots=True)
class StreamSample:
    """A stream and its groups at `now_ms` of the server's clock. `groups_cut`: groups left out for their number.

    `replica`: sampled on one, which does not learn when consumers read: their idle times say nothing there.
    """

    facts: StreamFacts
    groups: tuple[GroupSample, ...]
    now_ms: int
    groups_cut: int = 0
    replica: bool = False

    @property
    def left_out(self) -> str:
        """Why sums over the groups are no more than lower bounds; "" when all were looked at."""
        return groups_left_out(self.groups_cut, len(self.groups))


Samples = Mapping[bytes, StreamSample | StreamError]
GoOn = Mapping[tuple[bytes, bytes], StreamId]
"""Per stream and group: where its pending list was left in the round before."""


@dataclass(frozen=True)
class SampleStreams(Query[Samples]):
    """Facts of `streams`. A stream that vanished or may not be read has its error in its place.

    `turn`: which of the groups are looked into where there are more than LOOKS; count it up from round to round.
    """

    streams: tuple[bytes, ...]
    can: Capabilities
    go_on: GoOn = field(default_factory=dict)
    turn: int = 0

    @property
    def keys(self) -> tuple[bytes, ...]:
        return self.streams

    def build(self) -> Sequence[Command]:
        return [("TIME",), *(c for key in self.streams for c in (("XINFO", "STREAM", key), ("XINFO", "GROUPS", key)))]

    def parse(self, replies: Sequence[Reply]) -> Samples:
        now_ms = server_ms(replies[0])
        return {
            key: self._stream(key, replies[1 + 2 * at], replies[2 + 2 * at], now_ms)
            for at, key in enumerate(self.streams)
        }

    def _stream(self, key: bytes, stream: Reply, groups: Reply, now_ms: int) -> StreamSample | StreamError:
        try:
            known, found = facts(key, stream), rows(groups)
            looked = tuple(GroupSample(group_facts(known, row, self.can)) for row in found[:GROUPS_MAX])
            return StreamSample(known, looked, now_ms, len(found) - len(looked))
        except StreamError as error:
            return error

    def then(self, value: Samples) -> Query[Samples] | None:
        wanted = tuple((key, at) for key, sample in value.items() for at in _worth_a_look(sample))
        if len(wanted) <= LOOKS:
            return _LookIntoGroups(value, wanted, self.go_on) if wanted else None
        at = self.turn * LOOKS % len(wanted)
        chosen = (wanted + wanted)[at : at + LOOKS]
        return _LookIntoGroups(_waiting(value, set(wanted) - set(chosen)), chosen, self.go_on)


def _worth_a_look(sample: StreamSample | StreamError) -> list[int]:
    """Positions of groups that hold something, or have not been delivered everything."""
    if isinstance(sample, StreamError):
        return []
    return [
        at
        for at, g in enumerate(sample.groups)
        if g.facts.pending or g.facts.lag.value != 0 or g.facts.consumers >= MANY_CONSUMERS
    ]


def _waiting(samples: Samples, left: set[tuple[bytes, int]]) -> Samples:
    """The samples, where those that are left for a later round say so."""
    changed = {
        key: [replace(g, waits=True) if (key, at) in left else g for at, g in enumerate(sample.groups)]
        for key, sample in samples.items()
        if isinstance(sample, StreamSample)
    }
    return _changed(samples, changed)


def _changed(samples: Samples, groups: Mapping[bytes, Sequence[GroupSample]]) -> Samples:
    """The samples with other groups."""
    return {
        key: replace(sample, groups=tuple(groups[key]))
        if isinstance(sample, StreamSample) and key in groups
        else sample
        for key, sample in samples.items()
    }


@dataclass(frozen=True)
class _LookIntoGroups(Query[Samples]):
    found: Samples
    wanted: tuple[tuple[bytes, int], ...]
    go_on: GoOn

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(key for key, _ in self.wanted))

    def build(self) -> Sequence[Command]:
        return [command for key, at in self.wanted for command in self._commands(key, at)]

    def _group(self, key: bytes, at: int) -> tuple[StreamSample, GroupSample]:
        sample = self.found[key]
        assert isinstance(sample, StreamSample)
        return sample, sample.groups[at]

    def _begins(self, key: bytes, group: GroupSample) -> StreamId:
        return max(self.go_on.get((key, group.facts.name), MIN), MIN)

    def _commands(self, key: bytes, at: int) -> list[Command]:
        sample, group = self._group(key, at)
        name, start = group.facts.name, self._begins(key, group)
        asked: list[Command] = [
            ("XINFO", "CONSUMERS", key, name),
            ("XPENDING", key, name, "-", "+", OLDEST),
            ("XPENDING", key, name, str(start), "+", ROUND_TRIP if start > MIN or group.facts.pending > OLDEST else 1),
        ]
        return [*asked, behind(sample.facts, group.facts)] if doubtful(group.facts) else asked

    def parse(self, replies: Sequence[Reply]) -> Samples:
        changed: dict[bytes, list[GroupSample]] = {}
        answers = iter(replies)
        for key, at in self.wanted:
            sample, group = self._group(key, at)
            looked = _looked_into(group, self._begins(key, group), next(answers), next(answers), next(answers))
            if doubtful(group.facts):
                looked = replace(looked, facts=recounted(sample.facts, looked.facts, next(answers)))
            changed.setdefault(key, list(sample.groups))[at] = looked
        return _changed(self.found, changed)

    def then(self, value: Samples) -> Query[Samples] | None:
        return _LookForBodies(value, tuple((key, at, _doubtful(value[key], at)) for key, at in self.wanted))


def _looked_into(group: GroupSample, began: StreamId, members: Reply, oldest: Reply, further: Reply) -> GroupSample:
    """The group with its consumers and pending entries; as it was when it vanished meanwhile."""
    try:
        first, more = pending_entries(oldest), pending_entries(further)
        looked = {entry.id: entry for entry in (*more, *first)}
        go_on = more[-1].id.next() if len(more) == ROUND_TRIP else MIN
        found = tuple(looked[id_] for id_ in sorted(looked))
        return replace(group, consumers=consumers(members), looked=found, go_on=go_on, began=began)
    except Gone:
        return group
    except StreamError as error:
        return replace(group, refused=error.message)


def _doubtful(sample: StreamSample | StreamError, at: int) -> tuple[StreamId, ...]:
    """Pending entries inside the stream that may have been deleted: XDEL moves max-deleted-entry-id, trimming does not.

    Before 7.0 the server does not say how far deletion went, and every one is in doubt.
    """
    if isinstance(sample, StreamError) or sample.facts.first_id is None:
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


@dataclass(frozen=True)
class _LookForBodies(Query[Samples]):
    """Counts ghosts: surely what lies before the first entry, and what is not found when it is looked for.

    Of more bodies in doubt than are looked for, the part of the list ends before the first that was not: the next
    round goes on there.
    """

    found: Samples
    doubtful: tuple[tuple[bytes, int, tuple[StreamId, ...]], ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(key for key, _, _ in self.doubtful))

    def _checked(self, key: bytes, ids: tuple[StreamId, ...]) -> tuple[StreamId, ...]:
        sample = self.found[key]
        return ids[: _bodies(sample.facts)] if isinstance(sample, StreamSample) else ()

    def build(self) -> Sequence[Command]:
        return [one_entry(key, i) for key, _, ids in self.doubtful for i in self._checked(key, ids)]

    def parse(self, replies: Sequence[Reply]) -> Samples:
        changed: dict[bytes, list[GroupSample]] = {}
        answers = iter(replies)
        for key, at, ids in self.doubtful:
            sample, checked = self.found[key], self._checked(key, ids)
            gone = sum(_is_gone(next(answers)) for _ in checked)
            if isinstance(sample, StreamSample):
                group = sample.groups[at]
                group = replace(group, go_on=ids[len(checked)] if len(checked) < len(ids) else group.go_on)
                ghosts = _before_first(sample.facts, group) + gone
                changed.setdefault(key, list(sample.groups))[at] = replace(group, ghosts=ghosts)
        return _changed(self.found, changed)


def _is_gone(reply: Reply) -> bool:
    return not isinstance(reply, StreamError) and not entries(reply)


def _before_first(stream: StreamFacts, group: GroupSample) -> int:
    if stream.first_id is None:
        return len(group.part) if group.began > MIN or group.go_on > MIN else group.facts.pending
    return sum(entry.id < stream.first_id for entry in group.part)
