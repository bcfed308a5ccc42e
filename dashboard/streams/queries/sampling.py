"""What the sampler asks of many streams at once: the same facts as the pages, and the oldest of what is pending.

Three round trips for a chunk of streams: the streams and all their groups; per group that holds or lacks something its
consumers, the beginning of its pending list and the next part of it; the bodies of that part that may be deleted, and
the oldest entry of consumers that the beginning does not show.

A glance is cheaper: the length and the groups, with their positions, counts and lag, to see whether anything was added,
removed or delivered. What changes inside of what a group holds (XCLAIM, the idle times) does not show in it, nor what
was added to a stream where nobody counts the lag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from dashboard.streams.capabilities import Capabilities
from dashboard.streams.errors import Gone, StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.queries import GROUPS_MAX, Command, Query, group_facts
from dashboard.streams.queries.behind import behind, doubtful, recounted
from dashboard.streams.queries.second_look import GroupLook, SecondLook
from dashboard.streams.replies import Reply, Row, consumers, facts, pending_entries, rows, server_ms
from dashboard.streams.samples import OLDEST as OLDEST
from dashboard.streams.samples import GoOn as GoOn
from dashboard.streams.samples import GroupSample as GroupSample
from dashboard.streams.samples import Samples, with_groups
from dashboard.streams.samples import StreamSample as StreamSample
from dashboard.streams.snapshots import StreamFacts

ROUND_TRIP = 1000
"""How many more, from where the round before ended, so that a long list is seen in time."""
LOOKS = 500
"""Groups of a chunk of streams that are looked into in one round; with more they take turns."""
TOGETHER = 1500
"""About how many pending entries and consumers one round trip asks for: parsing them holds the event loop."""
Groups = tuple[tuple[bytes, int], ...]
"""Of which stream, and at which position."""
PER_GLANCE = 2
"""Commands for each stream."""


def glance(keys: Iterable[bytes]) -> list[Command]:
    return [command for key in keys for command in (("XLEN", key), ("XINFO", "GROUPS", key))]


def _shows_additions(stream: StreamFacts, groups: Sequence[Row]) -> bool:
    """Whether an entry that is added always shows in a glance.

    Where one is removed for it the length stays as it is, and only a lag that the server counts has changed. Nothing
    changes where entries come and go between two looks at an empty stream.
    """
    return stream.length > 0 and bool(groups) and all(isinstance(row.get(b"lag"), int) for row in groups)


@dataclass(frozen=True)
class SampleStreams(Query[Samples]):
    """Facts of `streams`. A stream that vanished or may not be read has its error in its place.

    `turn`: which of the groups are looked into where there are more than LOOKS; count it up from round to round.
    `further`: asked again in the same round, for the next part of pending lists alone.
    """

    streams: tuple[bytes, ...]
    can: Capabilities
    go_on: GoOn = field(default_factory=dict)
    turn: int = 0
    further: bool = False

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
            cut = len(found) - len(looked)
            return StreamSample(known, looked, now_ms, cut, shows_additions=_shows_additions(known, found))
        except StreamError as error:
            return error

    def then(self, value: Samples) -> Query[Samples] | None:
        wanted = tuple((key, at) for key, sample in value.items() for at in _worth_a_look(sample))
        if len(wanted) <= LOOKS:
            return self._into(value, wanted) if wanted else None
        at = self.turn * LOOKS % len(wanted)
        chosen = (wanted + wanted)[at : at + LOOKS]
        return self._into(_waiting(value, set(wanted) - set(chosen)), chosen)

    def _into(self, value: Samples, wanted: Groups) -> Query[Samples]:
        return _look_into(value, wanted, self.go_on, None if self.further else self.turn)


def _worth_a_look(sample: StreamSample | StreamError) -> list[int]:
    """Positions of groups that hold something, or have not been delivered everything."""
    if isinstance(sample, StreamError):
        return []
    return [at for at, group in enumerate(sample.groups) if group.worth_a_look]


def _waiting(samples: Samples, left: set[tuple[bytes, int]]) -> Samples:
    """The samples, where those that are left for a later round say so."""
    changed = {
        key: [replace(g, waits=True) if (key, at) in left else g for at, g in enumerate(sample.groups)]
        for key, sample in samples.items()
        if isinstance(sample, StreamSample)
    }
    return with_groups(samples, changed)


def _look_into(found: Samples, wanted: Groups, go_on: GoOn, turn: int | None) -> Query[Samples]:
    """Some of these groups, and then the others: no round trip asks for much more than TOGETHER."""
    weight, many = 0, 0
    for key, at in wanted:
        sample = found[key]
        weight += _weight(sample.groups[at]) if isinstance(sample, StreamSample) else 0
        if many and weight > TOGETHER:
            break
        many += 1
    return _LookIntoGroups(found, wanted[:many], go_on, turn, wanted[many:])


def _weight(group: GroupSample) -> int:
    return group.facts.consumers + min(group.facts.pending, OLDEST) + min(group.facts.pending, ROUND_TRIP)


@dataclass(frozen=True)
class _LookIntoGroups(Query[Samples]):
    found: Samples
    wanted: Groups
    go_on: GoOn
    turn: int | None
    """None: who holds what was asked before."""
    left: Groups = ()
    """Those that are looked into after these."""

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
        return with_groups(self.found, changed)

    def then(self, value: Samples) -> Query[Samples] | None:
        looks = tuple(GroupLook.of(value[key], key, at, self.turn) for key, at in self.wanted)
        return SecondLook(value, looks, self._onward if self.left else None)

    def _onward(self, value: Samples) -> Query[Samples]:
        return _look_into(value, self.left, self.go_on, self.turn)


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
