"""Streams of events from the server as it is run: they go on, cost no thread, and hold nothing back in memory."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard.management.live_protocol import LiveRequest
from dashboard.streams.names import to_path
from tests.dashboard.live.events import entries, reading
from tests.dashboard.live.served import Site, add, complete

KIB = 2**10
VIEWERS = 40


def status(site: Site, name: str) -> int:
    """A number of the site's process, as Linux has it."""
    lines = Path(f"/proc/{site.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def test_a_stream_goes_on_where_it_was_cut(site: Site) -> None:
    keys = {"a": b"events:a", "b": b"events:\xff/?"}
    first = {id_: site.client.xadd(key, {"n": 0}).decode() for id_, key in keys.items()}
    query = [
        ("watch", json.dumps({"type": "watch", "id": id_, **entries(to_path(key), after=first[id_])}))
        for id_, key in keys.items()
    ]
    ids: dict[str, list[str]] = {id_: [] for id_ in keys}
    got, last_event_id = [], ""
    for _ in range(5):
        with reading(site, query, last_event_id) as events:
            for id_, key in keys.items():
                ids[id_] += add(site.client, key, [[(b"body", b"x" * KIB)]] * 150)
            got += events.until({id_: found[-1] for id_, found in ids.items()})
            last_event_id = events.last_event_id
        for id_, key in keys.items():
            ids[id_] += add(site.client, key, [[(b"body", b"missed")]] * 20)
    with reading(site, query, last_event_id) as events:
        got += events.until({id_: found[-1] for id_, found in ids.items()})
    for id_ in keys:
        frames = [frame for frame in got if frame["id"] == id_]
        assert sum(frame["skipped"] for frame in frames) == 0
        complete(frames, first[id_], ids[id_])


def test_viewers_take_no_threads(site: Site) -> None:
    site.client.xadd("events:many", {"n": 0})
    with ExitStack() as stack:
        viewers = [stack.enter_context(reading(site, entries("events:many")))]
        next(iter(viewers[0]))
        before = status(site, "Threads:")
        viewers += [stack.enter_context(reading(site, entries("events:many"))) for _ in range(VIEWERS - 1)]
        for viewer in viewers[1:]:
            assert next(iter(viewer))["type"] == "watching"
        last = site.client.xadd("events:many", {"n": 1}).decode()
        assert {frame["last_id"] for viewer in viewers for frame in viewer.until({"live": last})} == {last}
        assert status(site, "Threads:") - before < VIEWERS / 4


def test_what_is_not_read_is_bounded_and_counted(site: Site) -> None:
    """Sixty megabytes for a viewer who takes none of them, and then reads on."""
    first = site.client.xadd("events:slow", {"n": 0}).decode()
    with reading(site, entries("events:slow", after=first), buffer=4096) as events:
        assert next(iter(events))["type"] == "watching"
        before, ids = status(site, "VmRSS:"), []
        for _ in range(60):
            ids += add(site.client, b"events:slow", [[(b"body", b"x" * 10 * KIB)]] * 100)
        site.client.xadd("events:other", {"n": 0})
        with reading(site, entries("events:slow", after=ids[-1])) as other:  # all of it is read by now
            assert next(iter(other))["type"] == "watching"
            ids += add(site.client, b"events:slow", [[(b"body", b"last")]])
            other.until({"live": ids[-1]})
        assert status(site, "VmRSS:") - before < 30 * KIB
        frames = events.until({"live": ids[-1]})
        assert sum(frame["skipped"] for frame in frames) > 1000
        complete(frames, first, ids)
    site.client.delete("events:slow")


def test_a_stream_of_events_has_no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other answer has: thirty seconds (`serve`)."""
    ended: list[str] = []
    request = LiveRequest.__new__(LiveRequest)
    request.server, request.request_start = SimpleNamespace(http_timeout=30), time.time() - 60
    request._response_started = True
    monkeypatch.setattr(request, "finish", lambda: ended.append("finished"))
    request.streams = True
    request.check_timeouts()
    assert ended == []
    request.streams = False
    request.check_timeouts()
    assert ended == ["finished"]
