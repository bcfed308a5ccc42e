"""What waits for a viewer: in order, bounded, and counted when it is left out."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.feed import WAITING_BYTES, Feed
from dashboard.live.news import Batch, Begun, Broken, Changed, Status
from dashboard.live.reader.log import BYTES, Log
from dashboard.live.sending.flow_control import WINDOW_BYTES, FlowControl
from dashboard.live.subscription import BATCH_BYTES
from dashboard.live.topics import fleet
from dashboard.streams.errors import NotAStream
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import FIELD_BYTES, Entry, weight_of

EMPTY = ((b"", b""),) * 10_000
"""An entry's fields."""


def entry(n: int, size: int = 1) -> Entry:
    return Entry(StreamId(n, 0), ((b"n", b"x" * (size - 1)),))


class Fed(Feed):
    """A feed and its log: what the stream does with both. `read`: up to where the stream was read before."""

    def __init__(self, limit: int = 200, read: int = 0, keep: Callable[[Entry], bool] | None = None) -> None:
        super().__init__(fleet(), lambda: None, limit=limit)
        self.log = Log(StreamId(read, 0), keep)
        self.bind(self.log)

    def push(self, entries: list[Entry]) -> None:
        self.log.append(entries)

    def broke(self, broken: Broken) -> None:
        self.log = Log(broken.goes_on)
        self.reset(broken, self.log)


def feed(limit: int = 200) -> Fed:
    return Fed(limit)


def ids(news: list[object]) -> list[int]:
    return [item.id.ms for batch in news if isinstance(batch, Batch) for item in batch.items]


def everything(waiting: Feed, most: int = 1000, size: int = 2**30) -> list[object]:
    got = []
    while (news := waiting.take(most, size)) is not None:
        got.append(news)
    return got


@given(st.lists(st.one_of(st.integers(1, 30), st.none()), max_size=40), st.integers(1, 20))
def test_every_entry_comes_in_order_or_is_counted(steps: list[int | None], limit: int) -> None:
    """A number pushes so many entries, None takes a frame."""
    waiting = feed(limit)
    waiting.begin(Begun(MIN, "e"))
    got: list[object] = []
    pushed = 0
    for step in steps:
        if step is None:
            got += [waiting.take(7, 2**30)]
        else:
            waiting.push([entry(pushed + n + 1) for n in range(step)])
            pushed += step
    batches = [news for news in [*got, *everything(waiting)] if isinstance(news, Batch)]
    shown = [item.id.ms for batch in batches for item in batch.items]
    assert shown == sorted(set(shown))
    assert len(shown) + sum(batch.skipped for batch in batches) == pushed
    assert [batch.prev for batch in batches] == [MIN, *(batch.last for batch in batches)][: len(batches)]
    for batch in batches:
        between = batch.last.ms - batch.prev.ms
        assert between == len(batch.items) + batch.skipped


def test_nothing_is_taken_before_it_has_begun_but_trouble() -> None:
    waiting = feed()
    waiting.push([entry(3)])
    assert everything(waiting) == []
    waiting.notify(NotAStream("no"))
    assert [type(news) for news in everything(waiting)] == [NotAStream]
    waiting.begin(Begun(StreamId(1, 0), "e"), [entry(2)])
    begun, *batches = everything(waiting)
    assert begun == Begun(StreamId(1, 0), "e")
    assert ids(batches) == [2, 3]


def test_what_a_returning_viewer_missed_may_exceed_the_limit() -> None:
    waiting = feed(limit=5)
    waiting.begin(Begun(MIN, "e"), [entry(n) for n in range(1, 21)])
    waiting.push([entry(21)])
    [_, *batches] = everything(waiting)
    assert ids(batches) == list(range(1, 22))
    assert [batch.skipped for batch in batches if isinstance(batch, Batch)] == [0, 0]


@given(st.integers(0, 6), st.integers(0, 6))
def test_a_viewer_who_knows_more_than_the_reader_gets_nothing_twice(after: int, before_it_begins: int) -> None:
    """A page shows what the shared reader has still to read: it comes once more from there."""
    waiting = feed()
    waiting.push([entry(n) for n in range(1, before_it_begins + 1)])
    waiting.begin(Begun(StreamId(after, 0), "e"))
    waiting.push([entry(n) for n in range(before_it_begins + 1, 8)])
    [_, batch] = everything(waiting)
    assert isinstance(batch, Batch)
    assert [item.id.ms for item in batch.items] == list(range(after + 1, 8))
    assert (batch.prev.ms, batch.last.ms, batch.skipped) == (after, 7, 0)


def test_what_the_reader_leaves_out_counts_for_those_who_had_not_seen_it() -> None:
    behind, within, ahead = Fed(read=1), Fed(read=1), Fed(read=1)
    for viewer, after in ((behind, 1), (within, 3), (ahead, 9)):
        viewer.begin(Begun(StreamId(after, 0), "e"))
        viewer.log.leap(StreamId(6, 0), 5)
        viewer.push([entry(n) for n in range(7, 12)])
    batches = [everything(viewer)[1] for viewer in (behind, within, ahead)]
    assert [(b.skipped, b.uncounted) for b in batches if isinstance(b, Batch)] == [(5, False), (0, True), (0, False)]


def test_a_stream_made_anew_counts_from_its_beginning_for_every_viewer() -> None:
    waiting = feed()
    waiting.push([entry(2)])
    waiting.broke(Broken("recreated", None, "f", MIN))
    waiting.push([entry(1)])
    waiting.begin(Begun(StreamId(5, 0), "e"))
    waiting.push([entry(3)])
    _, broken, batch = everything(waiting)
    assert isinstance(broken, Broken)
    assert isinstance(batch, Batch)
    assert ([item.id.ms for item in batch.items], batch.prev) == ([1, 3], MIN)


def test_a_break_keeps_its_place() -> None:
    waiting = feed()
    waiting.begin(Begun(MIN, "e"))
    waiting.push([entry(8)])
    waiting.broke(Broken("recreated", None, "f", MIN))
    waiting.push([entry(2)])
    _, before, broken, after = everything(waiting)
    assert isinstance(before, Batch)
    assert isinstance(after, Batch)
    assert isinstance(broken, Broken)
    assert (before.last.ms, after.prev, after.last.ms) == (8, MIN, 2)


def test_large_entries_are_bounded_by_weight() -> None:
    waiting = feed()
    waiting.begin(Begun(MIN, "e"))
    for n in range(1, 6):
        waiting.push([entry(n, 2**20 - FIELD_BYTES)])
    batches = [news for news in everything(waiting, size=2**20) if isinstance(news, Batch)]
    assert [[item.id.ms for item in batch.items] for batch in batches] == [[4], [5]]
    assert batches[0].skipped == 3


def test_many_empty_fields_weigh_too() -> None:
    """They have not one byte of names and values, and fill a process, and a frame by their number."""
    many = [Entry(StreamId(n, 0), EMPTY) for n in range(1, 21)]
    waiting = feed()
    waiting.begin(Begun(MIN, "e"))
    waiting.push(many)
    batches = [news for news in everything(waiting, size=BATCH_BYTES) if isinstance(news, Batch)]
    assert {len(batch.items) for batch in batches} == {1}
    assert len(batches) * weight_of(EMPTY) <= WAITING_BYTES
    assert len(batches) + batches[0].skipped == len(many)


def test_the_log_is_bounded_by_weight() -> None:
    log = Log(MIN)
    log.append(Entry(StreamId(n, 0), EMPTY) for n in range(1, 21))
    kept = log.since(log.start)
    assert kept
    assert len(kept) * weight_of(EMPTY) <= BYTES
    assert log.start.ms == 20 - len(kept)


def test_what_a_filter_leaves_out_still_moves_the_position() -> None:
    waiting = Fed(keep=lambda found: found.id.ms % 2 == 0)
    waiting.begin(Begun(MIN, "e"))
    waiting.push([entry(n) for n in range(1, 6)])
    [_, batch] = everything(waiting)
    assert isinstance(batch, Batch)
    assert ([item.id.ms for item in batch.items], batch.last.ms, batch.skipped) == ([2, 4], 5, 0)


def test_of_changes_and_statuses_the_latest_is_enough() -> None:
    waiting = feed()
    for _ in range(3):
        waiting.notify(Changed())
        waiting.notify(Status("stale", None))
    waiting.notify(Status("live", None))
    assert sorted(type(news).__name__ for news in everything(waiting)) == ["Changed", "Status"]


def test_who_acknowledges_has_a_window() -> None:
    flow = FlowControl()
    flow.acknowledged("0-0")
    flow.sent("1-0", WINDOW_BYTES - 1)
    assert flow.open()
    flow.sent("2-0", 1)
    assert not flow.open()
    flow.acknowledged("9-9")
    assert not flow.open()
    flow.acknowledged("1-0")
    assert flow.open()


def test_who_never_acknowledges_gets_a_burst_and_then_less() -> None:
    flow = FlowControl()
    for n in range(64):
        assert flow.open()
        flow.sent(f"{n}-0", 2**14)
    flow.sent("99-0", 2**14)
    assert not flow.open()
    assert not flow.stuck()
