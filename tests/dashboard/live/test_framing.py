"""Frames are cut by what they weigh on the wire; what is in flight is bounded for a socket and for a person."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.accounts.masking import Mask
from dashboard.display.rows import MASK, Sight
from dashboard.live import encoding
from dashboard.live.encoding import MAX_INBOUND_BYTES, ProtocolError
from dashboard.live.framing import FRAME_BYTES, Encoded, drawn, frames, part
from dashboard.live.news import Batch
from dashboard.live.sending.flow_control import PERSON, SOCKET, WINDOW_BYTES, Allowance, FlowControl
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.snapshots import Entry, Fields

ALL = Sight(Mask(), may_read=True)
BLIND = Sight(Mask(), may_read=False)
KIB = 2**10


def entry(number: int, *fields: tuple[bytes, bytes]) -> Entry:
    return Entry(StreamId(number, 0), fields or ((b"n", b"%d" % number),))


def cut(entries: list[Entry], seen: Sight = ALL, *, skipped: int = 0, uncounted: bool = False) -> list[Encoded]:
    last = entries[-1].id.next()
    batch = Batch(MIN, last, tuple(entries), skipped, uncounted)
    return list(frames("t1", batch, [part(each, seen) for each in entries]))


def read(found: list[Encoded]) -> list[dict[str, Any]]:
    return [json.loads(frame.text) for frame in found]


def one(*fields: tuple[bytes, bytes], seen: Sight = ALL) -> dict[str, Any]:
    (frame,) = read(cut([entry(1, *fields)], seen))
    (item,) = frame["items"]
    return dict(item)


def test_what_fits_is_one_frame() -> None:
    (frame,) = cut([entry(1), entry(2)], skipped=3, uncounted=True)
    assert json.loads(frame.text) == {
        "type": "entries",
        "id": "t1",
        "prev_id": "0-0",
        "last_id": "2-1",
        "skipped": 3,
        "skipped_at_least": True,
        "items": [
            {"id": "1-0", "time": None, "size": 2, "fields": [["n", "1"]]},
            {"id": "2-0", "time": None, "size": 2, "fields": [["n", "2"]]},
        ],
    }
    assert (frame.size, frame.last_id, frame.entries) == (len(frame.text), "2-1", 2)


def test_what_does_not_fit_goes_on_in_the_next_frame() -> None:
    found = cut([entry(n, (b"body", b"x" * KIB)) for n in range(1, 101)], skipped=2)
    told = read(found)
    assert len(found) == 3
    assert [(frame["prev_id"], frame["skipped"]) for frame in told] == [
        ("0-0", 2),
        *((before["last_id"], 0) for before in told[:-1]),
    ]
    assert told[-1]["last_id"] == "100-1", "the position of the batch, not of its last entry"
    assert [item["id"] for frame in told for item in frame["items"]] == [f"{n}-0" for n in range(1, 101)]


def test_a_large_value_is_cut_and_its_length_is_given() -> None:
    item = one((b"small", b"1"), (b"large", b"x" * 70_000), (b"raw", b"\xff" * 70_000))
    assert item["size"] == 140_014
    (small, large, raw) = item["fields"]
    assert small == ["small", "1"]
    assert (large[1]["bytes"], set(large[1]["text"])) == (70_000, {"x"})
    assert len(large[1]["text"]) == 4096
    assert (raw[1]["bytes"], set(raw[1]["base64"]) - set("=")) == (70_000, {"/", "w"} & set(raw[1]["base64"]) | {"/"})


def test_a_value_of_40_kib_is_not_cut() -> None:
    assert one((b"body", b"x" * 40 * KIB))["fields"] == [["body", "x" * 40 * KIB]]


def test_values_that_grow_when_they_are_written_are_cut_further() -> None:
    """JSON writes a control character in six."""
    item = one((b"body", b"\x01" * 40 * KIB))
    assert item["fields"][0][1] == {"text": "\x01" * 4096, "bytes": 40 * KIB}


def test_of_too_many_fields_as_many_as_fit_are_there_and_the_rest_is_counted() -> None:
    item = one(*((b"", b""),) * 100_000)
    assert item["fields"] == [["", ""]] * len(item["fields"])
    assert 4000 < len(item["fields"]) == 100_000 - item["fields_left_out"]


def test_what_is_masked_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mask, "hides", lambda self, name: name == b"secret")
    item = one((b"secret", b"x" * 70_000), (b"body", b"y" * 30_000))
    assert item["fields"] == [["secret", MASK], ["body", "y" * 30_000]]
    assert item["size"] == len("secret") + len("body") + 30_000, "it does not tell how long the secret is"
    (frame,) = frames("t", Batch(MIN, MIN, (), 0), [drawn(entry(1, (b"secret", b"x" * 70)), "<tr></tr>", ALL)])
    assert json.loads(frame.text)["items"][0]["size"] == len("secret")


def test_who_may_not_read_gets_the_reason() -> None:
    item = one((b"body", b"x" * 10**6), seen=BLIND)
    assert (item["fields"], "read_payload" in item["fields_reason"]) == (None, True)


names = st.binary(max_size=40) | st.sampled_from([b"\x01" * 3000, "€".encode() * 2000, b"\xff" * 9000])
values = st.binary(max_size=60) | st.sampled_from(
    [b"x" * KIB, b"x" * 70_000, b"\x01" * 50_000, b'"' * 40_000, b"\xff" * 200_000, "€".encode() * 20_000]
)
contents: st.SearchStrategy[Fields] = st.lists(st.tuples(names, values), min_size=1, max_size=6).map(tuple)
mixes = st.lists(contents | st.just(((b"", b""),) * 20_000) | st.just(((b"k" * 30, b"v" * 30),) * 900), min_size=1)


@settings(deadline=None, max_examples=50)
@given(mixes.filter(lambda mix: len(mix) <= 30), st.booleans())
def test_any_mix_makes_frames_that_fit_and_leave_no_gap(mix: list[Fields], draws: bool) -> None:
    entries = [entry(number, *fields) for number, fields in enumerate(mix, 1)]
    batch = Batch(MIN, entries[-1].id, tuple(entries), 0)
    html = "<tr>\n\x01</tr>" * 600
    found = list(frames("i" * 200, batch, [drawn(e, html, ALL) if draws else part(e, ALL) for e in entries]))
    assert all(frame.size == len(frame.text.encode()) <= FRAME_BYTES for frame in found)
    told = read(found)
    assert [frame["prev_id"] for frame in told] == ["0-0", *(frame["last_id"] for frame in told[:-1])]
    assert [item["id"] for frame in told for item in frame["items"]] == [str(e.id) for e in entries]
    assert [len(frame.get("html", [])) for frame in told] == [len(f["items"]) if draws else 0 for f in told]


# what comes in -------------------------------------------------------------------------------------------------------


def test_what_comes_in_has_a_limit_of_its_own() -> None:
    assert FRAME_BYTES < MAX_INBOUND_BYTES
    frame = json.dumps({"type": "x", "id": "i" * (MAX_INBOUND_BYTES - 23)})
    assert len(frame) == MAX_INBOUND_BYTES
    assert encoding.parse(frame)["type"] == "x"
    with pytest.raises(ProtocolError, match="65536 bytes"):
        encoding.parse(f"{frame} ")


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"x","id":"\\ud800"}',
        '{"type":"\\udfff"}',
        '{"type":"x","\\ud800":1}',
        '{"type":"x","id":["\\udc00\\ud800"]}',
    ],
)
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="JSON object with a type"):
        encoding.parse(text)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert encoding.parse('{"type":"x","id":"\\ud83d\\ude00"}')["id"] == "\N{GRINNING FACE}"


def test_no_error_repeats_more_than_an_id() -> None:
    assert encoding.error("i" * 200, "c", "m")["id"] == "i" * 200
    assert encoding.error("i" * 201, "c", "m")["id"] is None


# what is in flight ---------------------------------------------------------------------------------------------------


def drain(flows: list[FlowControl], size: int = 16 * KIB) -> int:
    """Bytes that are sent until none of them may send any more."""
    total = 0
    while waiting := [flow for flow in flows if flow.open()]:
        for flow in waiting:
            flow.sent("1-0", size)
            total += size
    return total


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes, so that no bucket fills."""
    monkeypatch.setattr("dashboard.live.sending.flow_control.time.monotonic", lambda: 1000.0)


@pytest.mark.usefixtures("still")
def test_twenty_watches_of_six_sockets_that_never_read_share_what_a_person_may_have() -> None:
    person = Allowance(PERSON)
    sockets = [Allowance(SOCKET) for _ in range(6)]
    flows = [[FlowControl(socket, person) for _ in range(20)] for socket in sockets]
    assert SOCKET.burst <= drain(flows[0]) < SOCKET.burst + 20 * 16 * KIB
    assert PERSON.burst - SOCKET.burst * 2 < drain([flow for each in flows[1:] for flow in each]) < PERSON.burst


@pytest.mark.usefixtures("still")
def test_windows_of_all_watches_are_one_budget_too() -> None:
    person = Allowance(PERSON)
    flows = [FlowControl(Allowance(SOCKET), person) for _ in range(40)]
    for flow in flows:
        flow.acknowledged("0-0")
    held = drain(flows)
    assert PERSON.window <= held < PERSON.window + 40 * 16 * KIB < 40 * WINDOW_BYTES
    flows[0].acknowledged("1-0")
    assert not flows[1].open(), "one frame is too little where forty overshot"
    for flow in flows[1:]:
        flow.close()
        flow.close()
    assert flows[0].open()
    other = FlowControl(Allowance(SOCKET), Allowance(PERSON))
    assert other.open(), "nobody waits for somebody else"


def test_only_who_owes_an_acknowledgement_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("dashboard.live.sending.flow_control.time.monotonic", lambda: now[0])
    socket = Allowance(SOCKET)
    guilty, waiting = [FlowControl(socket) for _ in range(3)], FlowControl(socket)
    for flow in (*guilty, waiting):
        flow.acknowledged("0-0")
    drain(guilty)
    now[0] += 16
    assert not waiting.open()
    assert [flow.stuck() for flow in (*guilty, waiting)] == [True, True, True, False]
