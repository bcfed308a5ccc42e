"""What can be watched, and how a watch frame says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dashboard.streams.names import BadName, from_path

Kind = Literal["entries", "fleet", "group", "operation"]
LONGEST = 5_000
"""Characters of a name in a frame: as many as one may have in the address of a page."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that has news. Make it with the functions below."""

    kind: Kind
    server: str = ""
    key: bytes = b""
    group: bytes = b""
    id: str = ""


class BadTopic(ValueError):
    """A watch frame that names nothing. `code` for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def entries(server: str, key: bytes) -> Topic:
    """New entries of a stream."""
    return Topic("entries", server, key)


def fleet() -> Topic:
    """The whole fleet was looked at again."""
    return Topic("fleet")


def group(server: str, key: bytes, name: bytes) -> Topic:
    """The figures of a group."""
    return Topic("group", server, key, name)


def operation(id_: object) -> Topic:
    """The progress of an operation, by its uuid."""
    return Topic("operation", id=str(id_))


def parse(frame: Mapping[str, object]) -> Topic:
    """The topic of a watch frame. Raises BadTopic."""
    kind = frame.get("topic")
    if kind == "entries":
        return entries(text(frame, "server"), _name(frame, "stream"))
    if kind == "group":
        return group(text(frame, "server"), _name(frame, "stream"), _name(frame, "group"))
    if kind == "operation":
        return operation(text(frame, "operation"))
    if kind == "fleet":
        return fleet()
    raise BadTopic("unknown_topic", "topic must be entries, fleet, group or operation.")


def text(frame: Mapping[str, object], field: str, *, longest: int = LONGEST) -> str:
    """A field that must be a text and not empty. Raises BadTopic."""
    value = frame.get(field)
    if not isinstance(value, str) or not value or len(value) > longest:
        raise BadTopic("bad_field", f"{field} must be a string of 1 to {longest} characters.")
    return value


def _name(frame: Mapping[str, object], field: str) -> bytes:
    try:
        return from_path(text(frame, field))
    except BadName as error:
        raise BadTopic("bad_name", f"{field}: {error}") from error
