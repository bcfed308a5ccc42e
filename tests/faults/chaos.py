"""A small TCP proxy that misbehaves on purpose, in front of a server that does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Literal

Mood = Literal["fine", "hangs", "cuts", "closes"]
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
CHUNK = 65_536


class Chaos:
    """`mood` and `delay` may be changed at any time; they hold for what comes next, on open connections too.

    fine     passes everything on, each reply `delay` seconds late
    hangs    accepts connections and commands, and never answers; a connection that hung once hangs for ever
    cuts     passes on only the first `keep` bytes of the next reply, then closes
    closes   closes every connection at its first command
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.mood: Mood = "fine"
        self.delay = 0.0
        self.keep = 10
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._listener: asyncio.Server | None = None
        self._open: set[Writer] = set()
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        Thread(target=self._loop.run_forever, daemon=True).start()
        self.listen()

    def stop(self) -> None:
        self.refuse()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def listen(self) -> None:
        """Accept connections, at the same port as ever."""
        self._do(self._listen())

    def refuse(self) -> None:
        """Refuse connections and close all that are open: the server is down."""
        self._do(self._refuse())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._listener:
            self._listener.close()
        for writer in tuple(self._open):
            writer.close()

    async def _end(self) -> None:
        for talk in tuple(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _accept(self, reader: Reader, writer: Writer) -> None:
        talk = asyncio.current_task()
        assert talk
        self._talks.add(talk)
        self._open.add(writer)
        try:
            await self._between(reader, writer, *await self._connect())
        except (OSError, asyncio.CancelledError):
            pass  # whoever was cut off notices, and nobody else has to
        finally:
            writer.close()
            self._open.discard(writer)
            self._talks.discard(talk)

    async def _connect(self) -> tuple[Reader, Writer]:
        if self.upstream.startswith("unix://"):
            return await asyncio.open_unix_connection(self.upstream.removeprefix("unix://"))
        host, _, port = self.upstream.removeprefix("redis://").partition(":")
        return await asyncio.open_connection(host, int(port))

    async def _between(self, reader: Reader, writer: Writer, from_server: Reader, to_server: Writer) -> None:
        """Until one of both ends it."""
        ways = [
            asyncio.create_task(self._commands(reader, to_server)),
            asyncio.create_task(self._replies(from_server, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            to_server.close()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _commands(self, reader: Reader, to_server: Writer) -> None:
        while (piece := await reader.read(CHUNK)) and self.mood != "closes":
            to_server.write(piece)
            await to_server.drain()

    async def _replies(self, from_server: Reader, writer: Writer) -> None:
        while piece := await from_server.read(CHUNK):
            if self.mood == "hangs":
                await asyncio.Event().wait()
            if self.delay:
                await asyncio.sleep(self.delay)
                piece += await _already_there(from_server)
            cut = self.mood == "cuts"
            writer.write(piece[: self.keep] if cut else piece)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            if cut:
                return


async def _already_there(reader: Reader) -> bytes:
    """What came meanwhile: a server may send one answer in several pieces, and those are late together."""
    try:
        return await asyncio.wait_for(reader.read(CHUNK), 0.005)
    except TimeoutError:
        return b""


@contextmanager
def chaos(upstream: str) -> Iterator[Chaos]:
    """A proxy before the server at `upstream`, in its best mood."""
    proxy = Chaos(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
