"""Which unit the IDs of a stream count time in, if any: an age can be compared with milliseconds only."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.streams.ids import MIN, PLAUSIBLE_MS, StreamId
from dashboard.streams.names import plain
from dashboard.streams.snapshots import StreamFacts


@dataclass(frozen=True, slots=True)
class IdUnit:
    """What the first part of an ID counts since 1970."""

    name: str
    per_second: int

    def at(self, ms: int) -> StreamId:
        """The first ID of that moment, in ms since 1970."""
        return StreamId(max(0, ms * self.per_second // 1000), 0)


MILLISECONDS = IdUnit("milliseconds", 10**3)
UNITS = (IdUnit("seconds", 1), MILLISECONDS, IdUnit("microseconds", 10**6), IdUnit("nanoseconds", 10**9))


def unit_of(id_: StreamId) -> IdUnit | None:
    """By the size of the number; None: the ID is no time."""
    return next((unit for unit in UNITS if id_.ms * 1000 // unit.per_second in PLAUSIBLE_MS), None)


@dataclass(frozen=True, slots=True)
class IdTimes:
    """The unit of a stream's IDs, and one of them to show. `unit` None: at least one end of it is no time."""

    unit: IdUnit | None
    example: StreamId

    @property
    def ages(self) -> bool:
        """Whether an age, or a time of day, can be compared with these IDs."""
        return self.unit == MILLISECONDS


def id_times(facts: StreamFacts) -> IdTimes:
    """By the first and the last entry, or the last ID of an empty stream; where nothing was ever added, as `*` does."""
    ends = [id_ for id_ in (facts.first_id, facts.last_id) if id_ is not None] or [facts.last_generated_id]
    if ends == [MIN]:
        return IdTimes(MILLISECONDS, MIN)
    units = [unit_of(id_) for id_ in ends]
    odd = next((id_ for id_, unit in zip(ends, units, strict=True) if unit != MILLISECONDS), ends[0])
    return IdTimes(units[0] if len(set(units)) == 1 else None, odd)


def why_no_time(facts: StreamFacts, position: StreamId) -> str:
    """Why a time that was given as `position` leads nowhere in the stream, and what fits instead; "" where it does."""
    times = id_times(facts)
    if times.ages:
        return ""
    same = f": {times.unit.at(position.ms).ms} is that time" if times.unit else ""
    return f"{why_no_ages(facts, times)} Give an ID instead of a time{same}."


def why_no_ages(facts: StreamFacts, times: IdTimes) -> str:
    """A sentence for people."""
    name = plain(facts.key)
    if times.unit is None:
        return f"IDs of {name} are not times ({times.example}), so the age of its entries is unknown."
    return f"IDs of {name} count {times.unit.name}, not milliseconds ({times.example})."
