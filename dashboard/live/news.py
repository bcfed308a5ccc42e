"""What a viewer is sent, before it is encoded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dashboard.live.reader.cursor import Reason
from dashboard.live.reader.log import Log
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry

State = Literal["live", "reconnecting", "stale"]


@dataclass(frozen=True, slots=True)
class Begun:
    """From here on, every entry after `after` comes or is counted."""

    after: StreamId
    epoch: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream is not the one it was. The next entries come after `goes_on`."""

    reason: Reason
    lost: int | None
    epoch: str
    goes_on: StreamId


@dataclass(frozen=True, slots=True)
class Status:
    """How the reader is doing; `heard`: monotonic seconds when the server answered last, None: never."""

    state: State
    heard: float | None
    reason: str = ""

    def then(self, state: State, reason: str = "") -> Status:
        """How the reader is doing from now on; `heard` moves with every answer."""
        return Status(state, time.monotonic() if state == "live" else self.heard, reason)


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one frame. `skipped` of those between `prev` and `last` are left out; `uncounted`: or more.

    `log`, `at`: where the first of them stands; None for those that came for this viewer alone.
    """

    prev: StreamId
    last: StreamId
    items: Sequence[Entry]
    skipped: int
    uncounted: bool = False
    log: Log | None = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """Something about the topic is new: ask again."""


News = Begun | Broken | Status | Batch | Changed | StreamError
