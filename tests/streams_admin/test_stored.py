"""What plans and operations keep: JSON that is read back as the value it was, whatever bytes names are made of."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from pydantic import ValidationError

from dashboard.streams.ids import MAX, StreamId
from streams_admin import stored
from streams_admin.actions.base import AnyAction
from streams_admin.actions.consumers.delete import DELETION, ConsumerCursor, ConsumerDelete, ConsumerSeen
from streams_admin.actions.entries.add import Add, AddWork
from streams_admin.actions.entries.delete import Delete
from streams_admin.actions.entries.replay import CopyWork, Replay
from streams_admin.actions.groups.destroy import GroupDestroy
from streams_admin.actions.pending.claim import Claim
from streams_admin.actions.pending.dead_letter import DeadLetter
from streams_admin.actions.reads.pending import PendingWork
from streams_admin.actions.reads.snapshots import EachSeen, EntriesSeen, EntrySeen, LossSeen, MatchSeen, PendingSeen
from streams_admin.actions.streams.trim import Trim, TrimCursor, TrimSeen, TrimWork
from streams_admin.actions.work import AnyBatch, Batch, EntryWork, Place, Step, ids_of

FIRST, SECOND = StreamId(1, 0), StreamId(2, 7)
NAME = b"\xff~%/\x00 gr\xc3\xbcn"
EACH = PendingSeen(
    EachSeen((EntrySeen(FIRST, NAME, 3, 1_763), EntrySeen(SECOND, b"", 0, 0)), (MAX,)),
    target=True,
    forced=(SECOND,),
    losses=(LossSeen(NAME, 1, 2),),
)
MATCH = PendingSeen(MatchSeen(1_763_000_000_000, 60_000, MAX, None, 1_000_000))
BATCHES = [
    (Claim(), Batch([PendingWork("1-0 2-7", NAME, 3, 900)], Place(5), [("3-0", "owner_changed")], last=True)),
    (DeadLetter(), Batch([PendingWork("1-0", b"", 0, 0, SECOND)], Place(5, MAX, wide=True), passed=Counter(done=2))),
    (ConsumerDelete(Claim()), Batch([DELETION], ConsumerCursor(Place(7), claimed=True))),
    (ConsumerDelete(Claim()), Batch([DELETION], None, last=True)),
    (Delete(), Batch([EntryWork("1-0"), EntryWork("2-7")], Place(2, SECOND))),
    (Replay(), Batch([CopyWork("1-0", SECOND, FIRST)], Place(1))),
    (Add(), Batch([AddWork(SECOND, FIRST)], None, last=True)),
    (Trim(), Batch([TrimWork(TrimCursor(5, exact=True), 10, None)], TrimCursor())),
    (GroupDestroy(), Batch([Step()], None, last=True)),
]
VALUES = [
    EACH,
    MATCH,
    ConsumerSeen(MATCH),
    ConsumerSeen(),
    EntriesSeen(FIRST, SECOND, SECOND, (FIRST, SECOND), (MAX,), marks=("a", "b")),
    EntriesSeen(FIRST, MAX, SECOND, limit=5, losses=(LossSeen(b"g", 0, 1),)),
    TrimSeen(None, (b"a", NAME), None, 5, None),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_is_kept_is_read_back_as_it_was(value: object) -> None:
    kept = json.loads(json.dumps(stored.dump(type(value), value)))
    assert stored.load(type(value), kept) == value


@pytest.mark.parametrize(("action", "batch"), BATCHES, ids=lambda value: getattr(value, "slug", ""))
def test_a_batch_is_read_back_as_it_was(action: AnyAction, batch: AnyBatch) -> None:
    kept = json.loads(json.dumps(stored.batch_out(action, batch)))
    assert stored.batch_in(action, kept) == batch
    assert stored.ids_in(kept["work"]) == ids_of(batch.work)


def test_a_batch_is_found_in_any_work() -> None:
    """Of a version or a verb that nobody knows any more there is at least what it was about."""
    kept = [["1-0 2-0", "~", 0], {"ids": "3-0"}, {}, [], [5], {"step": "x"}, "4-0"]
    assert stored.ids_in(kept) == ["1-0", "2-0", "3-0"]
    assert stored.without(kept, {"1-0"}) == [["2-0", "~", 0], {"ids": "3-0"}]
    assert stored.without(kept, {"1-0", "2-0", "3-0"}) == []


def test_ids_and_names_are_kept_as_text() -> None:
    kept = stored.dump(PendingSeen, EACH)
    assert isinstance(kept, dict)
    assert kept["forced"] == ["2-7"]
    assert kept["which"] == {
        "entries": [["1-0", "~FF~7E~25~2F~00~20gr~C3~BCn", 3, 1763], ["2-7", "~", 0, 0]],
        "absent": ["18446744073709551615-18446744073709551615"],
    }


@pytest.mark.parametrize("kept", [{}, [], {"which": {"entries": [["1-0", "w"]], "absent": []}}, {"which": {"ids": []}}])
def test_what_another_version_kept_is_refused(kept: object) -> None:
    with pytest.raises(ValidationError):
        stored.load(PendingSeen, kept)
