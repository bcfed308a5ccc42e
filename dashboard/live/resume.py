"""A viewer comes back with an ID from before our window: read what it missed since, or say what is lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from dashboard.live.feed import Feed
from dashboard.live.news import Begun, Broken
from dashboard.live.reader.cursor import Reason
from dashboard.streams.errors import Gone, StreamError
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import EntryRange, Together
from dashboard.streams.queries.watching import ObserveStreams
from dashboard.streams.snapshots import Entry, Page, StreamFacts

log = logging.getLogger(__name__)

MAX_ENTRIES = 500
"""Entries a viewer gets of what it missed. More are counted."""


class Resumed(Protocol):
    """What is needed of a watched stream."""

    server: Server
    key: bytes


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a viewer missed: after its ID, up to where the reader was. `broken`: why its epoch ended, when known."""

    after: StreamId
    upto: StreamId
    broken: Reason | None
    epoch: str


_tasks: set[asyncio.Task[None]] = set()


def earlier(stream: Resumed, feed: Feed, missed: Earlier) -> None:
    """Begin the feed with what was missed, as soon as it is read."""
    task = asyncio.get_running_loop().create_task(_begin(stream, feed, missed))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _begin(stream: Resumed, feed: Feed, missed: Earlier) -> None:
    """A server that does not answer leaves a gap of unknown size: the feed begins where the reader is."""
    begun = Begun(missed.after, missed.epoch)
    try:
        broken = await _judge(stream, missed)
        start = broken.goes_on if broken else missed.after
        page = await _read(stream, start, missed.upto)
        await _count(stream, feed, start, page)
        feed.begin(begun, page.items[::-1], broken=broken)
    except StreamError as error:
        log.info("Missed entries could not be read: %s", error.message)
        feed.skip(0, uncounted=True)
        feed.begin(begun)


async def _judge(stream: Resumed, missed: Earlier) -> Broken | None:
    look, marked = await stream.server.arun(
        Together((ObserveStreams((stream.key,)), EntryRange(stream.key, missed.after, missed.after, limit=1)))
    )
    if isinstance(look, StreamError):
        raise look
    reason = _reason(look.streams[stream.key], missed, there=isinstance(marked, Page) and bool(marked.items))
    if reason is None:
        return None
    return Broken(reason, None, missed.epoch, missed.after if reason == "trimmed" else MIN)


def _reason(found: StreamFacts | StreamError, missed: Earlier, *, there: bool) -> Reason | None:
    """The entry the viewer saw last tells most: while it is there, nothing is broken."""
    if missed.broken or there or missed.after == MIN:
        return missed.broken
    if isinstance(found, Gone):
        return "deleted"
    if isinstance(found, StreamError):
        raise found
    if found.last_generated_id < missed.after:
        return "recreated"
    passed = found.first_id is None or found.first_id > missed.after
    return "trimmed" if passed and found.last_generated_id != missed.after else None


async def _read(stream: Resumed, start: StreamId, upto: StreamId) -> Page[Entry]:
    """The newest of what was missed, newest first."""
    return await stream.server.arun(EntryRange(stream.key, start.next(), upto, newest_first=True, limit=MAX_ENTRIES))


async def _count(stream: Resumed, feed: Feed, start: StreamId, page: Page[Entry]) -> None:
    """Count what is older than the page, as far as that is cheap: not behind a page that was too heavy itself."""
    if page.next is None:
        return
    if page.stopped:
        feed.skip(1, uncounted=True)
        return
    rest = EntryRange(stream.key, start.next(), page.next, newest_first=True, keep=lambda _: False)
    counted = await stream.server.arun(rest)
    feed.skip(counted.scanned, uncounted=not counted.complete)
