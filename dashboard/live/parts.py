"""What is encoded once, and sent to however many."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property

from dashboard.streams.ids import StreamId


@dataclass(frozen=True, slots=True)
class Part:
    """An entry, encoded. `html` is its row on a page, encoded too; None where none is drawn."""

    id: StreamId
    item: str
    html: str | None = None

    @property
    def size(self) -> int:
        """Bytes on the wire, with what separates it from the next one."""
        return len(self.item.encode()) + 1 + (len(self.html.encode()) + 1 if self.html is not None else 0)


@dataclass(frozen=True)
class Encoded:
    """A frame of a `watch` as it is sent, to however many. `size` in bytes; `last_id` is what a viewer acknowledges.

    `stream`: the path name of the one it is of, "" for a watch that has only one.

    It has so many `entries`, and tells of so many that were `skipped`.
    """

    watch: str
    stream: str
    text: str
    size: int
    last_id: str
    entries: int
    skipped: int

    @cached_property
    def wire(self) -> bytes:
        """As it is written to a socket: one text frame of RFC 6455 (5.2), final and unmasked, as a server sends it."""
        text = self.text.encode()
        if len(text) < 126:
            return bytes([0x81, len(text)]) + text
        return struct.pack("!BBH", 0x81, 126, len(text)) + text

    @cached_property
    def event(self) -> bytes:
        """As a server-sent event: JSON has no line breaks."""
        return b"data: %b\n\n" % self.text.encode()
