"""What was sent to viewers since the process started."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.live.parts import Encoded


@dataclass(slots=True)
class Counters:
    """`entries` went out in `frames` of `size` bytes in all, each counted per viewer; `skipped` were left out instead.

    `closed_slow`: sockets that were cut off because their viewer took nothing any more.
    """

    frames: int = 0
    size: int = 0
    entries: int = 0
    skipped: int = 0
    closed_slow: int = 0

    def sent(self, frame: Encoded) -> None:
        """Count a frame that went to one viewer."""
        self.frames += 1
        self.size += frame.size
        self.entries += frame.entries
        self.skipped += frame.skipped
