"""Ages and times in parameters: refused where the IDs of a stream are no times, with what fits there instead."""

from __future__ import annotations

from dashboard.streams.id_units import id_times, why_no_ages, why_no_time
from dashboard.streams.ids import TOP, StreamId
from dashboard.streams.snapshots import StreamFacts, StreamOverview
from streams_admin.errors import BadParameters


def check_age(overview: StreamOverview, older_than_ms: int) -> None:
    """Raises BadParameters where an age cannot be compared with the IDs: it would remove all, or nothing, unasked."""
    times = id_times(overview.facts)
    if times.ages:
        return
    why = why_no_ages(overview.facts, times)
    if times.unit is None:
        raise BadParameters(f"{why} Give minid (an ID) or maxlen instead of older_than_ms.")
    same = times.unit.at(overview.now_ms - older_than_ms)
    raise BadParameters(f"{why} Instead of older_than_ms, minid {same} is the same age.")


def check_moment(position: StreamId, facts: StreamFacts | None) -> None:
    """Raises BadParameters for a position that was given as a time, where IDs are no times."""
    why = why_no_time(facts, position.next()) if facts and from_time(position) else ""
    if why:
        raise BadParameters(why)


def from_time(position: StreamId) -> bool:
    """Whether it was given as a time: that becomes the last ID before the moment, which no server gives an entry."""
    return position.seq == TOP and position.clock_ms is not None
