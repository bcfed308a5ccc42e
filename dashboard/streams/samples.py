"""A stream and its groups at one moment, as the sampler sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.streams.errors import StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import ConsumerFacts, GroupFacts, PendingEntry, StreamFacts, groups_left_out

OLDEST = 100
"""How many of a group's pending entries are looked at from the lowest ID on."""
MANY_CONSUMERS = 10
"""Consumers from which on a group is looked into though it has nothing to do: some may be left behind."""


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
    unseen: bool = False
    """Whether its pending list was not yet looked at to its end, in this round or in any before."""
    firsts: tuple[PendingEntry, ...] = ()
    """The oldest entry of each consumer that has none at the beginning of the list, as far as that was asked for."""

    @property
    def worth_a_look(self) -> bool:
        """Whether it is looked into: it holds something, or has not been delivered everything."""
        facts = self.facts
        return bool(facts.pending) or facts.lag.value != 0 or facts.consumers >= MANY_CONSUMERS

    @property
    def blind(self) -> bool:
        """Whether what was not found in it may be there all the same."""
        return self.unseen or bool(self.refused)

    @property
    def saw_all(self) -> bool:
        return self.began == MIN == self.go_on and len(self.looked) >= self.facts.pending

    @property
    def oldest(self) -> tuple[PendingEntry, ...]:
        """The beginning of the list, and the oldest entry of those consumers that it does not show."""
        return (*self.looked[:OLDEST], *self.firsts)

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
    shows_additions: bool = False
    """Whether a glance tells of every entry that is added."""

    @property
    def worth_a_look(self) -> bool:
        """Whether any of its groups is looked into."""
        return any(group.worth_a_look for group in self.groups)

    @property
    def left_out(self) -> str:
        """Why sums over the groups are no more than lower bounds; "" when all were looked at."""
        return groups_left_out(self.groups_cut, len(self.groups))


Samples = Mapping[bytes, StreamSample | StreamError]
GoOn = Mapping[tuple[bytes, bytes], StreamId]
"""Per stream and group: where its pending list was left in the round before."""


def with_groups(samples: Samples, groups: Mapping[bytes, Sequence[GroupSample]]) -> Samples:
    """The samples with other groups."""
    return {
        key: replace(sample, groups=tuple(groups[key]))
        if isinstance(sample, StreamSample) and key in groups
        else sample
        for key, sample in samples.items()
    }
