"""Which ID a new entry gets, and what that means for who adds to the stream later: IDs never go back."""

from __future__ import annotations

from dashboard.display.format import age
from dashboard.streams.id_units import MILLISECONDS, unit_of
from dashboard.streams.ids import AHEAD_MS, MIN, StreamId
from dashboard.streams.names import plain
from dashboard.streams.snapshots import StreamFacts
from streams_admin.actions.preview import Note
from streams_admin.actions.reads.reservations import following


def next_id(wanted: str | None, facts: StreamFacts | None, now_ms: int) -> str:
    """As a part of a sentence. `wanted`: an ID, or like "5-*"; None: the server's clock. `facts` None: a new stream."""
    last = facts.last_generated_id if facts else MIN
    if wanted is None:
        ahead = facts is not None and last.ms > now_ms
        return f", with an ID just above the last one, {last}" if ahead else ", with the server's time as its ID"
    if wanted.endswith("-*"):
        wanted = str(following(last, int(wanted[:-2])))
    return f", with the ID {wanted}"


def notes(wanted: str | None, facts: StreamFacts, now_ms: int) -> list[Note]:
    """Warnings about the ID, with `wanted` as in `next_id`."""
    last = facts.last_generated_id
    return _of_the_clock(last, now_ms, "this stream") if wanted is None else _of_ones_own(wanted, last, now_ms)


def notes_of_copies(facts: StreamFacts | None, now_ms: int) -> list[Note]:
    """Warnings about the IDs that copies get in the stream `facts`; None: a new one."""
    return _of_the_clock(facts.last_generated_id, now_ms, plain(facts.key)) if facts else []


def _of_the_clock(last: StreamId, now_ms: int, stream: str) -> list[Note]:
    if last == MIN or unit_of(last) == MILLISECONDS:
        return _ahead(last, now_ms)
    if last.ms > now_ms:
        text = "The server's time is lower, so the new entry's ID is no time either."
        return [Note("late", f"IDs of {stream} are not times: the last one is {last}", text)]
    title = f"Entries of {stream} are not numbered by the server's clock: the last one is {last}"
    text = "The server's time is far above it, and IDs never go back: whoever adds entries numbered so will be refused."
    return [Note("stuck", title, text)]


def _ahead(last: StreamId, now_ms: int) -> list[Note]:
    if last.ms - now_ms <= AHEAD_MS:
        return []
    text = "IDs never go back: the new entry is dated so too, and every later one until the clock catches up."
    return [Note("late", f"The last ID, {last}, is {age(last.ms - now_ms)} ahead of the server's clock", text)]


def _of_ones_own(wanted: str, last: StreamId, now_ms: int) -> list[Note]:
    own = StreamId(int(wanted.partition("-")[0]), 0)
    if own.ms - now_ms <= AHEAD_MS:
        return []
    if own.clock_ms is not None:
        text = "IDs never go back: until the clock catches up, every later entry gets an ID of that time."
        return [Note("stuck", f"The ID is {age(own.ms - now_ms)} ahead of the server's clock", text)]
    if last == MIN or unit_of(last) != MILLISECONDS:
        return []
    text = "IDs never go back: every later entry that is added with * gets an ID just above this one, which is no time."
    return [Note("stuck", "The ID is higher than every time, and the other IDs of this stream are times", text)]
