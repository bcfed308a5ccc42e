"""Frames of the socket as CONTRACT.md writes them: from news to JSON, and from a client's text to a mapping."""

from __future__ import annotations

import json
import time
from typing import Any

from dashboard.display.format import iso
from dashboard.display.rows import JSON_BYTES, NO_PAYLOADS, Sight, values_json
from dashboard.live.feed import Batch, Begun, Broken, Changed, News, Status
from dashboard.streams.errors import StreamError
from dashboard.streams.snapshots import Entry

MAX_INBOUND_BYTES = 65_536
"""Bytes of a client's frame."""
ENTRY_BYTES = 262_144
"""What the values of one entry may weigh in a frame; each is cut to its share."""
BAD_FRAME = 4400
"""The socket is closed with it: what came is no frame."""

Frame = dict[str, Any]


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
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise ProtocolError("malformed", "A frame is a JSON object with a type.", BAD_FRAME)
    return frame


def dump(frame: Frame) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def error(id_: object, code: str, message: str) -> Frame:
    return {"type": "error", "id": id_ if isinstance(id_, str) else None, "code": code, "message": message}


def simple(id_: str, news: News) -> Frame:
    """Every news but a batch of entries."""
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


def batch(id_: str, news: Batch, items: list[Frame], html: list[str] | None) -> Frame:
    """`skipped_at_least` stands there when not all that is left out could be counted."""
    frame = {
        "type": "entries",
        "id": id_,
        "prev_id": str(news.prev),
        "last_id": str(news.last),
        "skipped": news.skipped,
        "items": items,
    }
    if news.uncounted:
        frame["skipped_at_least"] = True
    return frame if html is None else {**frame, "html": html}


def item(entry: Entry, seen: Sight) -> Frame:
    """An entry with its fields, masked, and cut where they are large; without them where they may not be read."""
    limit = min(JSON_BYTES, max(64, ENTRY_BYTES // max(1, len(entry.fields))))
    fields = values_json(entry.fields, seen, limit=limit)
    reason = {} if fields is not None else {"fields_reason": NO_PAYLOADS}
    return {**brief(entry), "fields": fields, **reason}


def brief(entry: Entry) -> Frame:
    """What stands beside a row that is drawn already."""
    return {"id": str(entry.id), "time": iso(entry.id.time()), "size": entry.size}


def _age_ms(status: Status) -> int | None:
    return None if status.heard is None else int((time.monotonic() - status.heard) * 1000)


def _code(trouble: StreamError) -> str:
    """NotAStream: not_a_stream."""
    name = type(trouble).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
