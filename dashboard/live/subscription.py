"""One watch of one socket: what it asks for, whether it may, and its news as frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dashboard import filters
from dashboard.accounts.access import may
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.display.rows import NO_PAYLOADS, Sight, sight
from dashboard.http.params import BadParameter
from dashboard.live import encoding, fragments, framing, topics
from dashboard.live.encoding import ProtocolError
from dashboard.live.feed import WAITING, Feed, View
from dashboard.live.framing import Frame
from dashboard.live.hub import StartAt
from dashboard.live.news import Batch, News
from dashboard.live.parts import Encoded, Part
from dashboard.live.reader.rows import ROWS
from dashboard.live.sending.flow_control import FlowControl
from dashboard.live.topics import BadTopic, Topic
from dashboard.streams import links
from dashboard.streams.errors import BadId
from dashboard.streams.ids import StreamId
from dashboard.streams.names import BadName, from_path

BATCH_ENTRIES = 100
BATCH_BYTES = 128 * 2**10
"""What is taken from a feed at a time; it goes out in frames of framing.FRAME_BYTES."""
COLUMNS_MOST = 40
STREAM_CHARS = 500
"""Of a path name in `streams`: it stands in every item, and a frame has room for that."""
Key = tuple[str, str]
"""The id of a watch, and the path name of its stream where it has several."""


@dataclass(slots=True)
class Watch:
    """`busy`: rows for this viewer alone are being drawn. `stream`: "" but for one of several with this id."""

    id: str
    topic: Topic
    feed: Feed
    flow: FlowControl
    stream: str = ""
    busy: bool = False
    not_before: float = 0.0

    @property
    def key(self) -> Key:
        """No other watch of a connection has it."""
        return self.id, self.stream

    def may_take(self) -> bool:
        """Whether it is time for more."""
        return time.monotonic() >= self.not_before and self.flow.open()

    def take(self) -> News | None:
        """The next news."""
        return self.feed.take(ROWS if self.feed.view.columns is not None else BATCH_ENTRIES, BATCH_BYTES)

    def draws(self, news: Batch) -> bool:
        """Whether its rows are still to be drawn."""
        return news.log is None and self.feed.view.columns is not None

    def frames(self, news: Batch) -> Sequence[Encoded]:
        """A batch as it is sent, made once for all who get the same."""
        log, at, count = news.log, news.at, len(news.items)
        if log is None:
            return tuple(self._frames(news, [framing.part(entry, self._sight) for entry in news.items]))
        key = (self.key, self._sight, news.prev, news.last, at, count, news.skipped, news.uncounted)
        return log.frames(key, lambda: self._frames(news, log.parts(self._sight, at, count, framing.part)))

    async def drawn(self, news: Batch) -> Sequence[Encoded]:
        """Rows that nobody else gets, and no more of them in a second than anybody follows."""
        columns = self.feed.view.columns
        assert columns is not None
        self.not_before = time.monotonic() + len(news.items) / ROWS
        server = links.get(self.topic.server)
        seen: Sight | None = None
        parts: list[Part] = []
        while seen != self._sight:  # rights may be reviewed while rows are drawn
            seen = self._sight
            parts = await fragments.entry_rows(news.items, server, self.topic.key, seen, columns)
        return tuple(self._frames(news, parts))

    def _frames(self, news: Batch, parts: Sequence[Part]) -> Iterator[Encoded]:
        return framing.frames(self.id, news, parts, self.stream)

    @property
    def _sight(self) -> Sight:
        assert self.feed.view.sight is not None
        return self.feed.view.sight


def expanded(frame: Frame) -> list[Frame]:
    """A watch frame for each stream of one that names several; else the frame alone. Raises ProtocolError."""
    if "streams" not in frame:
        return [frame]
    paths = frame["streams"]
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise ProtocolError("bad_field", "streams must be a list of path names.")
    if len(set(paths)) < len(paths) or max(map(len, paths)) > STREAM_CHARS:
        raise ProtocolError("bad_field", f"streams must be different names of at most {STREAM_CHARS} characters.")
    if frame.get("topic") != "entries":
        raise ProtocolError("bad_field", "streams belongs to the topic entries.")
    return [{**frame, **_of(frame, path), "streams": [path], "stream": path} for path in paths]


def _of(frame: Frame, path: str) -> Frame:
    """Where one of several streams begins: `after` and `epoch` may be objects with one for each."""
    given = ((name, frame[name]) for name in ("after", "epoch") if isinstance(frame.get(name), dict))
    return {name: each.get(path, "$" if name == "after" else "") for name, each in given}


def from_frame(
    frame: Mapping[str, object], principal: Principal, wake: Callable[[], None], flow: FlowControl
) -> tuple[Watch, StartAt]:
    """What a watch frame of one stream asks for, allowed. `flow`: of the new watch. Raises ProtocolError."""
    try:
        topic = topics.parse(frame)
        id_ = topics.text(frame, "id", longest=encoding.MAX_ID)
        check(principal, topic)
        view = _view(frame, topic, look(principal, topic))
        limit = WAITING if view.columns is None else ROWS
        feed = Feed(topic, wake, limit=limit, who=principal.id, view=view)
        stream = str(frame["stream"]) if "streams" in frame else ""
        return Watch(id_, topic, feed, flow, stream), _start_at(frame)
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


def _view(frame: Mapping[str, object], topic: Topic, seen: Sight | None) -> View:
    if topic.kind != "entries":
        return View()
    condition = filters.parse(topics.text(frame, "where")) if frame.get("where") else None
    if condition and (seen is None or not seen.may_read):
        raise ProtocolError("forbidden", NO_PAYLOADS)
    return View(seen, condition, _columns(frame) if frame.get("as") == "html" else None)


def _start_at(frame: Mapping[str, object]) -> StartAt:
    after, epoch = frame.get("after", "$"), frame.get("epoch") or ""
    if not isinstance(after, str) or not isinstance(epoch, str):
        raise BadTopic("bad_field", "after and epoch must be strings.")
    return StartAt(None if after == "$" else StreamId.parse(after), epoch)
