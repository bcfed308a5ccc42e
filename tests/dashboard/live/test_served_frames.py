"""Frames through the server as it is run: whatever is added, no socket is closed for it and nothing is missing."""

from __future__ import annotations

import json
import socket
import struct
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from dashboard.live.framing import FRAME_BYTES
from dashboard.streams.names import to_path
from tests.dashboard.live.served import Fields, Frame, Site, add, complete

KIB = 2**10


def read_to(socket: ClientConnection, last: str, id_: str = "t") -> list[Frame]:
    """Frames of one watch's entries until one reaches an ID, each acknowledged. A socket that is closed raises."""
    got: list[Frame] = []
    while not got or got[-1]["last_id"] != last:
        text = socket.recv(timeout=20)
        assert isinstance(text, str)
        assert len(text.encode()) <= FRAME_BYTES
        frame = json.loads(text)
        if frame["type"] == "entries" and frame["id"] == id_:
            got.append(frame)
            socket.send(json.dumps({"type": "ack", "id": id_, "last_id": frame["last_id"]}))
    return got


names = st.sampled_from([b"a", b"b", b"\x01" * 500, b"\xff" * 3000])
values = st.sampled_from(
    [b"", b"x", b"x" * KIB, b"x" * 70 * KIB, b"\x01" * 40 * KIB, b"<" * 60 * KIB, b"\xff\xfe" * 50 * KIB]
)
entries = st.lists(st.tuples(names, values), min_size=1, max_size=5) | st.just([(b"", b"")] * 9000)


@pytest.mark.parametrize("form", [{}, {"as": "html", "columns": ["a", "b"]}], ids=["json", "html"])
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
@given(mix=st.lists(entries, min_size=1, max_size=40))
def test_any_mix_of_entries_arrives_without_a_gap(site: Site, form: dict[str, object], mix: list[Fields]) -> None:
    first = site.client.xadd("mix", {"n": 0}).decode()
    with site.watching(b"mix", first, **form) as socket:
        ids = add(site.client, b"mix", mix)
        complete(read_to(socket, ids[-1]), first, ids)


def test_who_comes_ahead_of_the_reader_gets_nothing_twice(site: Site) -> None:
    """A page that was just drawn knows an entry that the shared reader, which lingers, is only about to read."""
    last = site.client.xadd("ahead", {"n": 0}).decode()
    with site.watching(b"ahead", last) as socket:
        for n in range(100):
            stream = {"server": "default", "stream": to_path(b"ahead")}
            [first] = add(site.client, b"ahead", [[(b"n", b"1")]])
            socket.send(json.dumps({"type": "watch", "id": f"t{n}", "topic": "entries", **stream, "after": first}))
            ids = add(site.client, b"ahead", [[(b"n", b"2")]])
            complete(read_to(socket, ids[-1], id_=f"t{n}"), first, ids)
            socket.send(json.dumps({"type": "unwatch", "id": f"t{n}"}))
            time.sleep(0.02)


@pytest.mark.parametrize(
    "mix",
    [
        pytest.param([[(b"body", b"x" * KIB)]] * 100, id="100 entries of 1 KB in one MULTI"),
        pytest.param([[(b"body", b"x" * 70_000)]], id="one entry of 70 KB"),
    ],
)
def test_what_closed_sockets_before_arrives_whole(site: Site, mix: list[Fields]) -> None:
    first = site.client.xadd("large", {"n": 0}).decode()
    with site.watching(b"large", first) as socket:
        ids = add(site.client, b"large", mix)
        frames = read_to(socket, ids[-1])
        complete(frames, first, ids)
    with site.watching(b"large", first) as again:
        complete(read_to(again, ids[-1]), first, ids)
    values = [item["fields"][0][1] for frame in frames for item in frame["items"]]
    assert {v["bytes"] if isinstance(v, dict) else len(v) for v in values} == {len(mix[0][0][1])}


def test_fifty_rows_of_markup_arrive(site: Site) -> None:
    columns = [f"c{n}" for n in range(40)]
    first = site.client.xadd("rows", {"n": 0}).decode()
    ugly = [(name.encode(), b"\x01\xe2\x80\xae" * 100) for name in columns]
    with site.watching(b"rows", first, **{"as": "html", "columns": columns}) as socket:
        ids = add(site.client, b"rows", [ugly] * 50)
        frames = read_to(socket, ids[-1])
    complete(frames, first, ids)
    assert all(row.count("<td") == 43 for frame in frames for row in frame["html"])


def test_a_viewer_that_leaves_and_half_a_character_leave_no_traceback(site: Site) -> None:
    """A connection that is reset while entries are sent to it; a text that cannot be sent back."""
    first = site.client.xadd("left", {"n": 0}).decode()
    for _ in range(5):
        with site.watching(b"left", first) as viewer:
            viewer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            add(site.client, b"left", [[(b"body", b"x" * KIB)]] * 50)
            viewer.socket.close()
    with connect(f"ws://127.0.0.1:{site.port}/ws/v1/live/") as stranger:
        stranger.send('{"type":"x","id":"\\ud800"}')
        error = json.loads(stranger.recv(timeout=20))
        assert (error["code"], error["id"]) == ("malformed", None)
    time.sleep(1)
    assert "Traceback" not in site.log.read_text()


HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\nSec-WebSocket-Version: 13\r\n%b\r\n"
)


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        (b"/ws/nowhere/", b"", 403),
        (b"/ws/v1/live/", b"Sec-WebSocket-Protocol: \xff\r\n", 400),
        (b"/ws/v1/live/", b"Daphne-Root-Path: \xff\r\n", 101),
    ],
)
def test_a_handshake_that_cannot_be_leaves_no_traceback(site: Site, path: bytes, header: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as stranger:
        stranger.sendall(HANDSHAKE % (path, header))
        assert stranger.recv(4096).startswith(b"HTTP/1.1 %d " % status)
    time.sleep(1.1)  # Daphne logs what ended once a second
    assert "Traceback" not in site.log.read_text()


def test_where_the_site_is_mounted_is_not_for_clients_to_say(site: Site) -> None:
    """Daphne takes it from a header: what a proxy keeps from the outside by its path would be reached by another."""
    request = b"GET /x/healthz HTTP/1.1\r\nHost: localhost\r\nDaphne-Root-Path: /x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as stranger:
        stranger.sendall(request)
        assert stranger.recv(4096).startswith(b"HTTP/1.1 404 ")


def test_what_viewers_get_and_miss_is_counted(site: Site) -> None:
    before = site.figures()
    with site.watching(b"counted", "$", **{"as": "html", "columns": ["n"]}) as socket:
        with site.client.pipeline(transaction=True) as pipeline:
            for n in range(130):
                pipeline.xadd(b"counted", {"n": n})
            last = pipeline.execute()[-1].decode()
        frames = [json.loads(socket.recv(timeout=20))]
        while frames[-1]["last_id"] != last:
            frames.append(json.loads(socket.recv(timeout=20)))
        now = site.figures()
        shown, skipped = sum(len(frame["items"]) for frame in frames), sum(frame["skipped"] for frame in frames)
        assert shown + skipped == 130
        assert skipped > 0
        assert now["viewers"] == before["viewers"] + 1
        assert now['watches{topic="entries"}'] >= 1
        assert 0 <= now['rest_seconds{server="default"}'] <= 0.25
        counted = {"frames_total": len(frames), "entries_total": shown, "skipped_total": skipped}
        assert {name: now[name] - before[name] for name in counted} == counted
        assert now["sent_bytes_total"] - before["sent_bytes_total"] > shown * 50
