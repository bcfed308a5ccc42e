"""Rows are drawn once for all, the newest of a second: what is left out is counted for whoever had not seen it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dashboard.accounts.masking import Mask
from dashboard.display.rows import Sight
from dashboard.live.feed import Feed, View
from dashboard.live.news import Batch, Begun, Broken
from dashboard.live.parts import Part
from dashboard.live.reader import rows
from dashboard.live.reader.log import Log
from dashboard.live.reader.rows import KEPT, ROWS, Rows
from dashboard.live.topics import entries
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import Entry

SIGHT = Sight(Mask(), may_read=True)
VIEW = View(SIGHT, None, (b"a",))


def added(first: int, last: int) -> list[Entry]:
    return [Entry(StreamId(n, 0), ((b"a", b"b"),)) for n in range(first, last + 1)]


async def draw(some: Sequence[Entry]) -> list[Part]:
    await asyncio.sleep(0)
    return [Part(entry.id, "{}", '"<tr>"') for entry in some]


def drawn(read: int) -> Rows:
    return Rows(StreamId(read, 0), VIEW.keeps, SIGHT, draw, lambda: None)


def feed(log: Log, woken: list[int] | None = None) -> Feed:
    waiting = Feed(entries("s", b"k"), lambda: (woken if woken is not None else []).append(1), limit=ROWS, view=VIEW)
    waiting.bind(log)
    return waiting


def begun(waiting: Feed, after: int) -> Feed:
    waiting.begin(Begun(StreamId(after, 0), "e"))
    return waiting


def batches(waiting: Feed) -> list[Batch]:
    found = []
    while (news := waiting.take(ROWS, 2**20)) is not None:
        found += [news] if isinstance(news, Batch) else []
    return found


def told(waiting: Feed) -> list[tuple[int, int, int, bool]]:
    """First and last of each batch, and what is left out before it."""
    return [(b.items[0].id.ms, b.items[-1].id.ms, b.skipped, b.uncounted) for b in batches(waiting)]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_of_many_the_newest_are_drawn_and_the_others_counted() -> None:
    log = drawn(100)
    viewer = begun(feed(log), 100)
    log.append(added(101, 300))
    await settled()
    assert told(viewer) == [(251, 300, 150, False)]


async def test_a_page_inside_of_what_is_left_out_is_not_served_from_there() -> None:
    log = drawn(100)
    log.append(added(101, 300))
    await settled()
    assert log.after(StreamId(150, 0)) is None, "the plain log has it"
    late = begun(feed(log), 300)
    log.append(added(301, 302))
    await asyncio.sleep(1.1)
    assert told(late) == [(301, 302, 0, False)]


async def test_a_page_opened_while_entries_are_left_out_learns_that_there_may_be_more() -> None:
    log = drawn(100)
    log.append(added(101, 160))
    viewer = begun(feed(log), 160)
    log.append(added(161, 300))
    await settled()
    assert told(viewer) == [(251, 300, 0, True)]


async def test_nobody_is_told_of_what_it_has_already() -> None:
    log = drawn(100)
    viewer = feed(log)
    log.append(added(101, 160))
    await settled()
    begun(viewer, 150)
    assert told(viewer) == [(151, 160, 0, False)]


async def test_what_was_never_drawn_is_counted_when_the_stream_breaks() -> None:
    log = drawn(100)
    viewer = begun(feed(log), 100)
    log.append(added(101, 400))
    log.close()
    new = drawn(400)
    viewer.reset(Broken("trimmed", 5, "e", StreamId(400, 0)), new)
    new.append(added(406, 410))
    await settled()
    assert told(viewer) == [(406, 410, 300, False)]


async def test_rows_that_cannot_be_drawn_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    log = drawn(100)
    viewer = begun(feed(log), 100)

    async def fails(some: Sequence[Entry]) -> list[Part]:
        raise ValueError

    monkeypatch.setattr(log, "_draw", fails)
    monkeypatch.setattr(rows.log, "exception", lambda *_: None)
    log.append(added(101, 103))
    await settled()
    monkeypatch.setattr(log, "_draw", draw)
    log.append(added(104, 104))
    await settled()
    assert told(viewer) == [(104, 104, 3, False)]


async def test_no_more_rows_are_kept_than_a_page_shows() -> None:
    log = drawn(0)
    for first in range(1, 10 * ROWS, ROWS):
        log.append(added(first, first + ROWS - 1))
        task = log._task
        assert task is not None
        await settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert log.end - log.first == KEPT
    assert len(log._parts[SIGHT]) == KEPT


# other rights, and breaks ---------------------------------------------------------------------------------------------


def test_a_trim_gives_a_page_nothing_twice() -> None:
    viewer = begun(feed(Log(StreamId(100, 0))), 150)
    new = Log(StreamId(100, 0))
    viewer.reset(Broken("trimmed", 10, "e", StreamId(100, 0)), new)
    new.append(added(111, 160))
    assert told(viewer) == [(151, 160, 0, False)]


def test_other_rights_do_not_lose_a_stream_that_was_made_anew() -> None:
    viewer = begun(feed(Log(StreamId(1000, 0))), 1000)
    new = Log(MIN)
    viewer.reset(Broken("recreated", None, "e2", MIN), new)
    new.append(added(1, 5))
    viewer.review(View(Sight(Mask(), may_read=False)), new)
    assert told(viewer) == [(1, 5, 0, False)]


def test_other_rights_before_it_begins_lose_nothing() -> None:
    log = Log(StreamId(1000, 0))
    viewer = feed(log)
    viewer.review(View(Sight(Mask(), may_read=False)), log)
    viewer.begin(Begun(StreamId(990, 0), "e"), added(991, 1000))
    log.append(added(1001, 1001))
    assert told(viewer) == [(991, 1000, 0, False), (1001, 1001, 0, False)]


def test_with_other_rights_what_waits_there_is_sent_at_once() -> None:
    woken: list[int] = []
    viewer = begun(feed(Log(StreamId(10, 0)), woken), 10)
    assert batches(viewer) == []
    woken.clear()
    other = Log(StreamId(10, 0))
    other.append(added(11, 12))
    viewer.review(View(SIGHT), other)
    assert woken
    assert told(viewer) == [(11, 12, 0, False)]
