"""Frames through the server as it is run: whatever is added, no socket is closed for it and nothing is missing."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from dashboard.live.framing import FRAME_BYTES
from dashboard.streams.names import to_path
from streams_admin.demo import embedded
from tests.servers import chosen

MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
KIB = 2**10
Frame = dict[str, Any]
Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Site:
    """`client` is a plain client of the watched server; `log` what the site writes."""

    port: int
    token: str
    client: redis.Redis
    log: Path

    @contextmanager
    def watching(self, key: bytes, after: str, **more: object) -> Iterator[ClientConnection]:
        stream = {"server": "default", "stream": to_path(key), "after": after}
        with connect(f"ws://127.0.0.1:{self.port}/ws/v1/live/", open_timeout=20) as socket:
            socket.send(json.dumps({"type": "auth", "token": self.token}))
            socket.send(json.dumps({"type": "watch", "id": "t", "topic": "entries", **stream, **more}))
            while json.loads(socket.recv(timeout=20))["type"] != "watching":
                pass
            yield socket

    def figures(self) -> dict[str, float]:
        """What /metrics says of live."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            lines = [
                line.rsplit(" ", 1)
                for line in answer.read().decode().splitlines()
                if line.startswith("streamgauge_live")
            ]
        return {name.removeprefix("streamgauge_live_"): float(value) for name, value in lines}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("site"), embedded.free_port()
    with embedded.start(chosen()) as server, redis.Redis.from_url(server.url, protocol=2) as client:
        environment = {**os.environ, "REDIS_URL": server.url, "DATA_DIR": str(folder), "SAMPLE_EVERY": "60"}
        command = [sys.executable, str(MANAGE), "serve", "--port", str(port), "--until-stdin-ends"]
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=out)
        try:
            wait_for(port, process)
            words = ("create_token", "--name", "reader", "--role", "viewer")
            made = subprocess.run(
                [sys.executable, str(MANAGE), *words], env=environment, capture_output=True, text=True, check=True
            )
            yield Site(port, made.stdout.strip(), client, log)
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the site did not start")


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


def add(client: redis.Redis, key: bytes, mix: list[Fields]) -> list[str]:
    """All in one transaction, so that the reader finds all of it at once."""
    pipe = client.pipeline(transaction=True)
    for fields in mix:
        pipe.execute_command("XADD", key, "*", *(part for field in fields for part in field))
    return [id_.decode() for id_ in pipe.execute()]


def complete(frames: list[Frame], after: str, ids: list[str]) -> None:
    """The chain has no gap, and every entry is there or counted."""
    assert [frame["prev_id"] for frame in frames] == [after, *(frame["last_id"] for frame in frames[:-1])]
    got = [item["id"] for frame in frames for item in frame["items"]]
    assert got == [id_ for id_ in ids if id_ in set(got)], "in order, and each once"
    assert len(got) + sum(frame["skipped"] for frame in frames) == len(ids)


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
