"""Files that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse


class Streamed(StreamingHttpResponse):
    """Chunk by chunk, never all of it in memory, by an asynchronous server and by one of the other kind.

    `own_threads`: chunks are made in any thread, so that a slow one keeps nobody waiting; not where they ask our
    database, which knows its connections by the thread.
    """

    def __init__(self, chunks: Iterator[bytes], name: str, kind: str, *, own_threads: bool) -> None:
        super().__init__(_sent(chunks, own_threads), content_type=kind)
        self._chunks = chunks
        self["Content-Disposition"] = f'attachment; filename="{name}"'

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


async def _sent(chunks: Iterator[bytes], own_threads: bool) -> AsyncIterator[bytes]:
    following = sync_to_async(_next, thread_sensitive=not own_threads)
    while (chunk := await following(chunks)) is not None:
        yield chunk


def _next(chunks: Iterator[bytes]) -> bytes | None:
    return next(chunks, None)
