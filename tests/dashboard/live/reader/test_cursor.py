"""What a stream's facts say about a position in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.live.reader.cursor import Cursor, Reset, behind, judge, start, synced
from dashboard.streams.errors import Gone
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import StreamFacts

GONE = Gone("The stream does not exist.")
AT = StreamId(50, 0)
HERE = Cursor(AT, 50, "one")


def facts(first: int | None = 1, last: int = 50, added: int | None = 50, length: int = 50) -> StreamFacts:
    """A stream with the IDs `first`-0 to `last`-0."""
    return StreamFacts(
        key=b"s",
        length=length,
        first_id=None if first is None else StreamId(first, 0),
        last_id=StreamId(last, 0),
        last_generated_id=StreamId(last, 0),
        entries_added=added,
        max_deleted_id=None,
        groups=0,
        entry_bytes=10,
    )


def test_it_starts_at_the_end() -> None:
    assert start(facts(), "one") == HERE
    assert start(GONE, "one") == Cursor(MIN, 0, "one")


@pytest.mark.parametrize(
    "found",
    [
        facts(),
        facts(last=60, added=60, length=60),
        facts(first=40, last=60, added=60, length=21),
        facts(first=51, last=60, added=60, length=10),
        facts(first=None, length=0),
        facts(added=None),
    ],
)
def test_it_goes_on_when_nothing_after_it_is_missing(found: StreamFacts) -> None:
    assert judge(HERE, found, "one", absent=True) is None


def test_a_restart_of_the_server_alone_breaks_nothing() -> None:
    assert judge(HERE, facts(last=60, added=60, length=60), "two", absent=True) is None


def test_what_was_trimmed_before_it_was_read_is_counted() -> None:
    reset = judge(HERE, facts(first=58, last=60, added=60, length=3), "one", absent=False)
    assert reset == Reset("trimmed", 7, replace(HERE, added=57))


def test_without_a_count_a_trim_is_said_after_an_absence_only() -> None:
    found = facts(first=58, last=60, added=None, length=3)
    reset = judge(HERE, found, "one", absent=True)
    assert reset is not None
    assert (reset.reason, reset.lost) == ("trimmed", None)
    assert judge(HERE, found, "one", absent=False) is None


@pytest.mark.parametrize("found", [facts(last=7, added=7, length=7), facts(first=90, last=99, added=3, length=3)])
def test_a_stream_that_went_back_was_made_anew(found: StreamFacts) -> None:
    assert judge(HERE, found, "one", absent=False) == Reset("recreated", None, Cursor(MIN, 0, "one"))


def test_another_server_that_knows_less_is_a_failover() -> None:
    reset = judge(HERE, facts(last=45, added=45, length=45), "two", absent=True)
    assert reset == Reset("failover", 5, Cursor(StreamId(45, 0), 45, "two"))


def test_a_deleted_stream_is_said_once() -> None:
    reset = judge(HERE, GONE, "one", absent=False)
    assert reset is not None
    assert reset.reason == "deleted"
    assert judge(reset.goes_on, GONE, "one", absent=False) is None


def test_the_count_is_set_right_at_the_end_of_the_stream() -> None:
    assert synced(replace(HERE, added=30), facts(), "one").added == 50
    assert synced(replace(HERE, added=30), facts(last=60, added=60), "one").added == 30


def test_how_far_it_is_behind() -> None:
    assert behind(HERE, facts(last=90, added=90)) == 40
    assert behind(replace(HERE, added=None), facts(last=90, added=90)) == 0
