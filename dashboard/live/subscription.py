"""One watch of one socket: what it asks for, whether it may, and its news as frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dashboard.accounts.access import may
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.display.rows import NO_PAYLOADS, Sight, sight
from dashboard.filters import where
from dashboard.http.params import BadParameter
from dashboard.live import encoding, fragments, framing, topics
from dashboard.live.encoding import ProtocolError
from dashboard.live.feed import WAITING, Batch, Feed, News
from dashboard.live.flow_control import FlowControl
from dashboard.live.framing import Encoded
from dashboard.live.hub import StartAt
from dashboard.live.topics import BadTopic, Topic
from dashboard.streams import links
from dashboard.streams.errors import BadId
from dashboard.streams.ids import StreamId
from dashboard.streams.names import BadName, from_path
from dashboard.streams.snapshots import Entry

BATCH_ENTRIES = 100
BATCH_BYTES = 128 * 2**10
"""What is taken from a feed at a time; it goes out in frames of framing.FRAME_BYTES."""
ROWS = 50
"""Rows a page gets per second, and per frame: more cannot be followed by anybody."""
COLUMNS_MOST = 40


@dataclass(slots=True)
class Watch:
    """`sight` is what the principal may see just now; None for topics without payloads."""

    id: str
    topic: Topic
    feed: Feed
    sight: Sight | None
    columns: tuple[bytes, ...] | None
    flow: FlowControl
    not_before: float = 0.0

    def keeps(self, condition: where.Where) -> Callable[[Entry], bool]:
        """The filter, blind wherever the viewer is."""
        return lambda entry: bool(self.sight and self.sight.may_read and condition.keeps(entry, self.sight.mask))

    def take(self) -> News | None:
        """The next news, if it is time for it."""
        if time.monotonic() < self.not_before or not self.flow.open():
            return None
        return self.feed.take(BATCH_ENTRIES if self.columns is None else ROWS, BATCH_BYTES)

    async def frames(self, news: Batch) -> Iterator[Encoded]:
        """A batch as it is sent."""
        if self.columns is None:
            return framing.frames(self.id, news, [framing.part(entry, self._seen) for entry in news.items])
        self.not_before = time.monotonic() + len(news.items) / ROWS
        server = links.get(self.topic.server)
        rows = await fragments.entry_rows(news.items, server, self.topic.key, self._seen, self.columns)
        parts = [framing.drawn(entry, html, self._seen) for entry, html in zip(news.items, rows, strict=True)]
        return framing.frames(self.id, news, parts)

    @property
    def _seen(self) -> Sight:
        assert self.sight is not None
        return self.sight


def from_frame(
    frame: Mapping[str, object], principal: Principal, wake: Callable[[], None], flow: FlowControl
) -> tuple[Watch, StartAt]:
    """What a watch frame asks for, allowed. `flow`: of the new watch. Raises ProtocolError."""
    try:
        topic = topics.parse(frame)
        id_ = topics.text(frame, "id", longest=encoding.MAX_ID)
        check(principal, topic)
        columns = _columns(frame) if frame.get("as") == "html" and topic.kind == "entries" else None
        limit = WAITING if columns is None else ROWS
        feed = Feed(topic, wake, limit=limit, who=principal.id)
        watch = Watch(id_, topic, feed, look(principal, topic), columns, flow)
        _filter(frame, watch)
        return watch, _start_at(frame)
    except (BadTopic, BadParameter, BadName, BadId) as error:
        raise ProtocolError(getattr(error, "code", "bad_field"), str(error)) from error


def check(principal: Principal, topic: Topic) -> None:
    """Raises ProtocolError. Whether a server or stream exists is not told to those who may not see it."""
    where_ = (topic.server, topic.key) if topic.server else (None, None)
    if not may(principal, Permission.SEE, *where_):
        raise ProtocolError("forbidden", "Not found, or you may not see it.")


def look(principal: Principal, topic: Topic) -> Sight | None:
    """What the principal may see of the payloads."""
    return sight(principal, topic.server, topic.key) if topic.kind == "entries" else None


def _columns(frame: Mapping[str, object]) -> tuple[bytes, ...]:
    found = frame.get("columns", [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise BadTopic("bad_field", "columns must be a list of path names.")
    return tuple(from_path(name) for name in found[:COLUMNS_MOST])


def _filter(frame: Mapping[str, object], watch: Watch) -> None:
    if watch.topic.kind != "entries" or not frame.get("where"):
        return
    condition = where.parse(topics.text(frame, "where"))
    if watch.sight is None or not watch.sight.may_read:
        raise ProtocolError("forbidden", NO_PAYLOADS)
    watch.feed.keep = watch.keeps(condition)


def _start_at(frame: Mapping[str, object]) -> StartAt:
    after, epoch = frame.get("after", "$"), frame.get("epoch") or ""
    if not isinstance(after, str) or not isinstance(epoch, str):
        raise BadTopic("bad_field", "after and epoch must be strings.")
    return StartAt(None if after == "$" else StreamId.parse(after), epoch)
