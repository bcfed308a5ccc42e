"""Files that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

Last = Callable[[], bytes] | None


class Streamed(StreamingHttpResponse):
    """Chunk by chunk, never all of it in memory, by an asynchronous server and by one of the other kind.

    `own_threads`: chunks are made in any thread, so that a slow one keeps nobody waiting; not where they ask our
    database, which knows its connections by the thread. `last`: what comes after them, and may ask it.
    """

    def __init__(self, chunks: Iterator[bytes], name: str, kind: str, *, own_threads: bool, last: Last = None) -> None:
        super().__init__(_sent(chunks, own_threads, last), content_type=kind)
        self._chunks, self._last = chunks, last
        self["Content-Disposition"] = f'attachment; filename="{name}"'

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._last is not None:
            yield self._last()


async def _sent(chunks: Iterator[bytes], own_threads: bool, last: Last) -> AsyncIterator[bytes]:
    following = sync_to_async(_next, thread_sensitive=not own_threads)
    while (chunk := await following(chunks)) is not None:
        yield chunk
    if last is not None:
        yield await sync_to_async(last)()


def _next(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)
