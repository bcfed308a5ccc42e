"""What plans and operations keep: JSON that is read back as the value it was, whatever bytes names are made of."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from dashboard.streams.ids import MAX, StreamId
from streams_admin import stored
from streams_admin.actions.consumers.delete import ConsumerSeen
from streams_admin.actions.reads.snapshots import EachSeen, EntriesSeen, EntrySeen, LossSeen, MatchSeen, PendingSeen
from streams_admin.actions.streams.trim import TrimSeen

FIRST, SECOND = StreamId(1, 0), StreamId(2, 7)
NAME = b"\xff~%/\x00 gr\xc3\xbcn"
EACH = PendingSeen(
    EachSeen((EntrySeen(FIRST, NAME, 3, 1_763), EntrySeen(SECOND, b"", 0, 0)), (MAX,)),
    target=True,
    forced=(SECOND,),
    losses=(LossSeen(NAME, 1, 2),),
)
MATCH = PendingSeen(MatchSeen(1_763_000_000_000, 60_000, MAX, None, 1_000_000))
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
