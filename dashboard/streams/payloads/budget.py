"""What decoding may take: one budget for all values of a request or of a frame on a socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

BUDGET_BYTES = 8 * 2**20
"""Bytes that are decoded in all: read by a decoder, or unpacked by one."""
BUDGET_SECONDS = 0.3
"""Seconds of decoding in all."""
USED_UP = "Not decoded: the limit for one page is used up."


class DecodingBudget:
    """Counts down. What it no longer allows is shown as it is, with USED_UP beside it."""

    def __init__(self, size: int = BUDGET_BYTES, seconds: float = BUDGET_SECONDS) -> None:
        self.bytes_left, self.seconds_left = size, seconds

    def allows(self, size: int) -> bool:
        """Whether that many bytes may be decoded now."""
        return size <= self.bytes_left and self.seconds_left > 0

    @contextmanager
    def spend(self, size: int) -> Iterator[None]:
        """Around the decoding of that many bytes: takes them, and the time."""
        self.bytes_left -= size
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds_left -= time.perf_counter() - began


_current: ContextVar[DecodingBudget | None] = ContextVar("_current", default=None)


@contextmanager
def decoding_budget(budget: DecodingBudget | None = None) -> Iterator[DecodingBudget]:
    """Within it all values share one budget, in threads that are started from here too."""
    shared = budget or DecodingBudget()
    token = _current.set(shared)
    try:
        yield shared
    finally:
        _current.reset(token)


def current() -> DecodingBudget:
    """The budget of the request or frame; outside of them each value has its own."""
    return _current.get() or DecodingBudget()
