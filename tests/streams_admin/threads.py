"""Things that happen at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable


def together(target: Callable[[], object], count: int) -> None:
    """`count` threads begin at once; returns when all have ended."""
    gate = threading.Barrier(count)

    def begin() -> None:
        gate.wait()
        target()

    threads = [threading.Thread(target=begin) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
