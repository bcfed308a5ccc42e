"""What the sampler asks of many streams at once: the same facts as the pages, and the oldest of what is pending.

Three round trips for a chunk of streams: the streams and their groups; per group that holds or lacks something its
consumers and the beginning of its pending list; the bodies of pending entries that may have been deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import NotAllowed, StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries import GROUPS_MAX, Command, Query, group_facts
from dashboard.streams.queries.base import one_entry
from dashboard.streams.replies import Reply, consumers, entries, facts, pending_entries, rows, server_ms
from dashboard.streams.snapshots import ConsumerFacts, GroupFacts, PendingEntry, StreamFacts

OLDEST = 100
"""How many of a group's pending entries are looked at from the lowest ID on."""
ROUND_TRIP = 400
"""How many more, from where the round before ended, so that a long list is seen in time."""
BODIES = 20
"""How many possibly deleted bodies of a group are looked for in one round."""


@dataclass(frozen=True, slots=True)
class GroupSample:
    """A group at one moment. `looked`: pending entries seen this round; `ghosts`: how many of them have no body."""

    facts: GroupFacts
    consumers: tuple[ConsumerFacts, ...] = ()
    looked: tuple[PendingEntry, ...] = ()
    ghosts: int = 0
    go_on: StreamId = MIN
    """Where the next round looks on; MIN when this one saw the end."""
    refused: str = ""
    """Why nothing could be looked at: the server does not allow it."""

    @property
    def saw_all(self) -> bool:
        return len(self.looked) >= self.facts.pending


@dataclass(frozen=True, slots=True)
class StreamSample:
    """A stream and its groups at `now_ms` of the server's clock."""

    facts: StreamFacts
    groups: tuple[GroupSample, ...]
    now_ms: int


Samples = Mapping[bytes, StreamSample | StreamError]
GoOn = Mapping[tuple[bytes, bytes], StreamId]
"""Per stream and group: where its pending list was left in the round before."""


@dataclass(frozen=True)
class SampleStreams(Query[Samples]):
    """Facts of `streams`. A stream that vanished or may not be read has its error in its place."""

    streams: tuple[bytes, ...]
    can: Capabilities
    go_on: GoOn = field(default_factory=dict)

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
            known = facts(key, stream)
            found = [GroupSample(group_facts(known, row, self.can)) for row in rows(groups)[:GROUPS_MAX]]
            return StreamSample(known, tuple(found), now_ms)
        except StreamError as error:
            return error

    def then(self, value: Samples) -> Query[Samples] | None:
        wanted = tuple((key, at) for key, sample in value.items() for at in _worth_a_look(sample))
        return _LookIntoGroups(value, wanted, self.go_on) if wanted else None


def _worth_a_look(sample: StreamSample | StreamError) -> list[int]:
    """Positions of groups that hold something, or have not been delivered everything."""
    if isinstance(sample, StreamError):
        return []
    return [at for at, g in enumerate(sample.groups) if g.facts.pending or g.facts.lag.value != 0]


@dataclass(frozen=True)
class _LookIntoGroups(Query[Samples]):
    found: Samples
    wanted: tuple[tuple[bytes, int], ...]
    go_on: GoOn

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(key for key, _ in self.wanted))

    def build(self) -> Sequence[Command]:
        return [command for key, at in self.wanted for command in self._commands(key, self._group(key, at))]

    def _group(self, key: bytes, at: int) -> GroupSample:
        sample = self.found[key]
        assert isinstance(sample, StreamSample)
        return sample.groups[at]

    def _commands(self, key: bytes, group: GroupSample) -> list[Command]:
        name = group.facts.name
        start = max(self.go_on.get((key, name), MIN), MIN)
        return [
            ("XINFO", "CONSUMERS", key, name),
            ("XPENDING", key, name, "-", "+", OLDEST),
            ("XPENDING", key, name, str(start), "+", ROUND_TRIP if start > MIN or group.facts.pending > OLDEST else 1),
        ]

    def parse(self, replies: Sequence[Reply]) -> Samples:
        samples = dict(self.found)
        for number, (key, at) in enumerate(self.wanted):
            sample = samples[key]
            assert isinstance(sample, StreamSample)
            looked = _looked_into(sample.groups[at], *replies[3 * number : 3 * number + 3])
            groups = (*sample.groups[:at], looked, *sample.groups[at + 1 :])
            samples[key] = replace(sample, groups=groups)
        return samples

    def then(self, value: Samples) -> Query[Samples] | None:
        doubtful = tuple((key, at, doubt) for key, at in self.wanted if (doubt := _doubtful(value[key], at)))
        return _LookForBodies(value, doubtful)


def _looked_into(group: GroupSample, members: Reply, oldest: Reply, further: Reply) -> GroupSample:
    """The group with its consumers and pending entries; as it was when it vanished meanwhile."""
    try:
        first, more = pending_entries(oldest), pending_entries(further)
        looked = {entry.id: entry for entry in (*more, *first)}
        go_on = more[-1].id.next() if len(more) == ROUND_TRIP else MIN
        return replace(
            group, consumers=consumers(members), looked=tuple(looked[id_] for id_ in sorted(looked)), go_on=go_on
        )
    except NotAllowed as error:
        return replace(group, refused=error.message)
    except StreamError:
        return group


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
    return tuple(e.id for e in sample.groups[at].looked if first <= e.id <= highest)[:BODIES]


@dataclass(frozen=True)
class _LookForBodies(Query[Samples]):
    """Counts ghosts: surely what lies before the first entry, and what is not found when it is looked for."""

    found: Samples
    doubtful: tuple[tuple[bytes, int, tuple[StreamId, ...]], ...]

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys(key for key, _, _ in self.doubtful))

    def build(self) -> Sequence[Command]:
        return [one_entry(key, i) for key, _, ids in self.doubtful for i in ids]

    def parse(self, replies: Sequence[Reply]) -> Samples:
        missing: dict[tuple[bytes, int], int] = {}
        answers = iter(replies)
        for key, at, ids in self.doubtful:
            missing[key, at] = sum(_is_gone(next(answers)) for _ in ids)
        return {key: _with_ghosts(key, sample, missing) for key, sample in self.found.items()}


def _is_gone(reply: Reply) -> bool:
    return not isinstance(reply, StreamError) and not entries(reply)


def _with_ghosts(
    key: bytes, sample: StreamSample | StreamError, missing: Mapping[tuple[bytes, int], int]
) -> StreamSample | StreamError:
    if isinstance(sample, StreamError):
        return sample
    groups = tuple(
        replace(group, ghosts=_before_first(sample.facts, group) + missing.get((key, at), 0))
        for at, group in enumerate(sample.groups)
    )
    return replace(sample, groups=groups)


def _before_first(stream: StreamFacts, group: GroupSample) -> int:
    if stream.first_id is None:
        return group.facts.pending
    return sum(entry.id < stream.first_id for entry in group.looked)
