"""IDs that are times, and in which unit; and those that are none."""

from __future__ import annotations

import pytest

from dashboard.streams.id_units import MILLISECONDS, id_times, unit_of
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import StreamFacts

SECOND = 1_763_596_680


def facts(first: str | None, last: str | None, generated: str = "0-0") -> StreamFacts:
    ends = [None if text is None else StreamId.parse(text) for text in (first, last)]
    return StreamFacts(b"q", 2, ends[0], ends[1], StreamId.parse(generated), None, None, 0, 1)


@pytest.mark.parametrize(
    ("ms", "name"),
    [
        (SECOND, "seconds"),
        (SECOND * 1000 + 412, "milliseconds"),
        (SECOND * 10**6, "microseconds"),
        (SECOND * 10**9, "nanoseconds"),
        (57, None),
        (10**9 - 1, None),
        (10**10, None),
        (10**12 - 1, None),
        (10**13, None),
    ],
)
def test_the_size_tells_the_unit(ms: int, name: str | None) -> None:
    id_ = StreamId(ms, 3)
    unit = unit_of(id_)
    assert (unit and unit.name) == name
    assert (unit == MILLISECONDS) == (id_.clock_ms is not None)


@pytest.mark.parametrize(
    ("first", "last", "generated", "name", "example"),
    [
        ("1763596680000-0", "1763596690000-0", "1763596690000-0", "milliseconds", "1763596680000-0"),
        ("1763596680-0", "1763596690-0", "1763596690-0", "seconds", "1763596680-0"),
        ("1-0", "1763596690000-0", "1763596690000-0", None, "1-0"),
        ("1763596680-0", "1763596690000-0", "1763596690000-0", None, "1763596680-0"),
        (None, None, "57-0", None, "57-0"),
        (None, None, "0-0", "milliseconds", "0-0"),
    ],
)
def test_both_ends_of_a_stream_tell(
    first: str | None, last: str | None, generated: str, name: str | None, example: str
) -> None:
    found = id_times(facts(first, last, generated))
    assert ((found.unit and found.unit.name), str(found.example)) == (name, example)
    assert found.ages == (name == "milliseconds")


def test_a_moment_in_each_unit() -> None:
    unit = unit_of(StreamId(SECOND, 0))
    assert unit
    assert unit.at(SECOND * 1000 + 999) == StreamId(SECOND, 0)
    assert MILLISECONDS.at(5) == StreamId(5, 0)
    assert MILLISECONDS.at(-5) == MIN
