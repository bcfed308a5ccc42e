"""Frames of the socket as docs/live.md has them: from news to JSON, and from a client's text to a mapping."""

from __future__ import annotations

import json
import time

from dashboard.live.framing import Frame, dump
from dashboard.live.news import Begun, Broken, Changed, News, Status
from dashboard.streams.errors import StreamError

MAX_INBOUND_BYTES = 65_536
"""Bytes of a client's frame. What goes out is bounded by itself: framing.FRAME_BYTES."""
MAX_ID = 200
"""Characters of a watch's id: it comes back in every frame."""
BAD_FRAME = 4400
"""The socket is closed with it: what came is no frame."""


class ProtocolError(Exception):
    """A client's frame cannot be done. `closes`: the code the socket is closed with, None: it stays open."""

    def __init__(self, code: str, message: str, closes: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.closes = closes


def parse(text: str | None) -> Frame:
    """Raises ProtocolError."""
    if text is None:
        raise ProtocolError("malformed", "Frames are JSON text, not bytes.", BAD_FRAME)
    if len(text) > MAX_INBOUND_BYTES or len(text.encode()) > MAX_INBOUND_BYTES:
        raise ProtocolError("too_large", f"A frame may have at most {MAX_INBOUND_BYTES} bytes.", BAD_FRAME)
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        frame = None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str) or not _is_unicode(frame):
        raise ProtocolError("malformed", "A frame is a JSON object with a type.", BAD_FRAME)
    return frame


def _is_unicode(frame: Frame) -> bool:
    """Whether no text in it has half of a surrogate pair, which JSON can write and nothing can send."""
    try:
        dump(frame).encode()
    except UnicodeEncodeError:
        return False
    return True


def error(id_: object, code: str, message: str, stream: str = "") -> Frame:
    """`id_` comes back where it may be that of a watch, and `stream` where it has several."""
    known = id_ if isinstance(id_, str) and len(id_) <= MAX_ID else None
    frame: Frame = {"type": "error", "id": known, "code": code, "message": message}
    return {**frame, "stream": stream} if stream else frame


def simple(id_: str, news: News, stream: str = "") -> Frame:
    """Every news but a batch of entries. `stream`: the path name of the one it is about, of a watch of several."""
    return {**_simple(id_, news), **({"stream": stream} if stream else {})}


def _simple(id_: str, news: News) -> Frame:
    if isinstance(news, Begun):
        return {"type": "watching", "id": id_, "epoch": news.epoch, "after": str(news.after)}
    if isinstance(news, Broken):
        broken = {"reason": news.reason, "lost": news.lost, "epoch": news.epoch, "after": str(news.goes_on)}
        return {"type": "reset", "id": id_, **broken}
    if isinstance(news, Status):
        return {"type": "status", "id": id_, "state": news.state, "age_ms": _age_ms(news), "reason": news.reason}
    if isinstance(news, StreamError):
        return error(id_, _code(news), news.message)
    assert isinstance(news, Changed)
    return {"type": "changed", "id": id_}


def _age_ms(status: Status) -> int | None:
    return None if status.heard is None else int((time.monotonic() - status.heard) * 1000)


def _code(trouble: StreamError) -> str:
    """NotAStream: not_a_stream."""
    name = type(trouble).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
