"""Viewers that are cut off again and again, and a server that restarts: what they got is compared with what is there.

Nothing may be missed, doubled or out of order but what a frame counted as skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.browser.site import Site

STREAM = "cut:orders"
VIEWERS = 20
RESTARTS = 3
SECONDS = 10.0
EVERY = 0.004
"""Seconds between two entries."""
CALM = 1.0
"""Seconds, on average, until the proxy does something to a connection."""
SILENT = 2.0
"""Seconds without a frame after which a viewer takes its connection for dead; while entries come, there are many."""
ACK_EVERY = 0.5
CHUNK = 65_536
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


class Unreliable:
    """A proxy before the site. Sooner or later a connection is cut, goes silent, or is slow from then on."""

    def __init__(self, upstream: int, seed: int) -> None:
        self.upstream, self.port = upstream, 0
        self.fates: list[str] = []
        self.calm = False
        self._random = random.Random(seed)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Unreliable]:
        async with await asyncio.start_server(self._accept, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _accept(self, reader: Reader, writer: Writer) -> None:
        from_site, to_site = await asyncio.open_connection("127.0.0.1", self.upstream)
        ways = [asyncio.create_task(_pass(reader, to_site)), asyncio.create_task(self._answers(from_site, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (to_site, writer):
                each.close()

    async def _answers(self, from_site: Reader, writer: Writer) -> None:
        until = time.monotonic() + self._random.expovariate(1 / CALM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.monotonic()):
                await _pass(from_site, writer)
                return
        if self.calm:
            return await _pass(from_site, writer)
        fate = self._random.choice(("cut", "half-open", "throttle"))
        self.fates.append(fate)
        if fate == "half-open":
            await asyncio.Event().wait()
        if fate == "throttle":
            await _pass(from_site, writer, chunk=2048, rest=0.05)
        return None


async def _pass(reader: Reader, writer: Writer, chunk: int = CHUNK, rest: float = 0.0) -> None:
    while piece := await reader.read(chunk):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(rest)


@dataclass
class Viewer:
    """A client that comes back with the last ID it has seen, and keeps the books on what it got."""

    ids: list[str] = field(default_factory=list)
    first: str = ""
    last: str = ""
    epoch: str = ""
    skipped: int = 0
    connects: int = 0
    faults: list[str] = field(default_factory=list)

    async def run(self, port: int, token: str, end: asyncio.Future[str]) -> None:
        """Until it has come to the end."""
        while not (end.done() and self.last == end.result()):
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError):
                async with connect(f"ws://127.0.0.1:{port}/ws/v1/live/", open_timeout=5, close_timeout=0.1) as socket:
                    self.connects += 1
                    await self._follow(socket, token, end)

    async def _follow(self, socket: ClientConnection, token: str, end: asyncio.Future[str]) -> None:
        start = {"after": self.last, "epoch": self.epoch} if self.last else {"after": "$"}
        wanted = {"topic": "entries", "server": "default", "stream": STREAM, **start}
        await socket.send(json.dumps({"type": "auth", "token": token}))
        await socket.send(json.dumps({"type": "watch", "id": "t", **wanted}))
        acknowledged = 0.0
        while not (end.done() and self.last == end.result()):
            self._take(json.loads(await asyncio.wait_for(socket.recv(), SILENT)))
            if self.last and time.monotonic() - acknowledged > ACK_EVERY:
                acknowledged = time.monotonic()
                await socket.send(json.dumps({"type": "ack", "id": "t", "last_id": self.last}))

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "watching":
            self.epoch = frame["epoch"]
            self.first, self.last = self.first or frame["after"], self.last or frame["after"]
            self._check(frame["after"] == self.last, frame)
        elif kind == "entries":
            self._check(frame["prev_id"] == self.last and "skipped_at_least" not in frame, frame)
            self.skipped += frame["skipped"]
            self.ids += [item["id"] for item in frame["items"]]
            self.last = frame["last_id"]
        else:
            self._check(kind == "status", frame)

    def _check(self, right: bool, frame: dict[str, Any]) -> None:
        if not right:
            self.faults.append(f"after {self.last}: {json.dumps(frame)[:200]}")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@contextmanager
def producing(site: Site, over: threading.Event) -> Iterator[None]:
    """Entries, and restarts of the server between. An entry whose reply was lost may be there or not."""

    def produce() -> None:
        with redis.Redis.from_url(site.server.url, protocol=2) as client:
            for n in range(10**9):
                if over.wait(EVERY):
                    return
                with contextlib.suppress(redis.ConnectionError):
                    client.xadd(STREAM, {"n": n, "text": "x" * (n % 500)})

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def play(site: Site, token: str, viewers: list[Viewer]) -> list[str]:
    """All of it; what the proxy did to connections."""
    end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with Unreliable(site.port, seed=12).listening() as proxy:
        watching = [asyncio.create_task(viewer.run(proxy.port, token, end)) for viewer in viewers]
        with producing(site, over := threading.Event()):
            for _ in range(RESTARTS):
                await asyncio.sleep(SECONDS / (RESTARTS + 1))
                await asyncio.to_thread(site.restart_redis)
            await asyncio.sleep(SECONDS / (RESTARTS + 1))
            proxy.calm = True
            over.set()
        end.set_result(str(site.client.xadd(STREAM, {"n": "last"})))
        await asyncio.wait_for(asyncio.gather(*watching), 60)
    return proxy.fates


def test_what_viewers_got_is_what_is_there_but_for_what_was_counted(site: Site) -> None:
    token = site.manage("create_token", "--name", "cut", "--role", "viewer")
    viewers = [Viewer() for _ in range(VIEWERS)]
    fates = asyncio.run(play(site, token, viewers))
    there = [str(id_) for id_, _ in site.client.xrange(STREAM)]
    assert set(fates) == {"cut", "half-open", "throttle"}
    assert sum(viewer.connects for viewer in viewers) > 2 * VIEWERS
    for viewer in viewers:
        due = [id_ for id_ in there if _parts(id_) > _parts(viewer.first)]
        got = set(viewer.ids)
        assert viewer.faults == []
        assert [id_ for id_ in due if id_ in got] == viewer.ids, "in order, each once, and nothing that is not there"
        assert len(due) - len(viewer.ids) == viewer.skipped


def _parts(id_: str) -> tuple[int, int]:
    ms, _, seq = id_.partition("-")
    return int(ms), int(seq)
