"""How far the watches of a stream of events have come: the ID of an event, which comes back as `Last-Event-ID`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboard.live.framing import Frame
from dashboard.live.subscription import Key

_POSITION = re.compile(r"([0-9]{1,20}-[0-9]{1,20})\.([A-Za-z0-9_-]{1,40})")


class BadPositions(ValueError):
    """A text that is no ID of an event of this request."""


class Positions:
    """`last_id.epoch` of each watch in the order of the request, nothing for one that has none, with commas between."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        """`frames`: of the watches."""
        self._places = dict.fromkeys(map(place_of, frames), "")
        self._epochs: dict[Key, str] = {}
        self._line = b""

    @property
    def line(self) -> bytes:
        """The line of an event that says them; empty as long as no watch has a position."""
        if not self._line and any(self._places.values()):
            self._line = f"id: {','.join(self._places.values())}\n".encode()
        return self._line

    def note(self, frame: Frame) -> None:
        """Take in where a watch begins, or begins anew."""
        if frame["type"] in ("watching", "reset") and frame.get("epoch"):
            self._epochs[place_of(frame)] = frame["epoch"]
            self.move(place_of(frame), frame["after"])

    def move(self, place: Key, last_id: str) -> None:
        """A watch has come so far."""
        self._places[place] = f"{last_id}.{self._epochs.get(place, '')}"
        self._line = b""


def place_of(frame: Frame) -> Key:
    """Of the watch that a frame makes or is about."""
    several = "streams" in frame or frame["type"] != "watch"
    return str(frame.get("id")), str(frame.get("stream", "")) if several else ""


def resumed(frames: Sequence[Frame], last_event_id: str) -> list[Frame]:
    """Watch frames that go on where an event with this ID stood. Raises BadPositions."""
    places = last_event_id.split(",") if last_event_id else [""] * len(frames)
    if len(places) != len(frames):
        raise BadPositions("Last-Event-ID is of a request with other watches.")
    return [_resumed(frame, place) for frame, place in zip(frames, places, strict=True)]


def _resumed(frame: Frame, place: str) -> Frame:
    if not place:
        return frame
    found = _POSITION.fullmatch(place)
    if found is None:
        raise BadPositions("Last-Event-ID must be the id of an event.")
    return {**frame, "after": found[1], "epoch": found[2]}
