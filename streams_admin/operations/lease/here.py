"""What this process runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Here:
    """Operations that threads of this process run now. However late their heartbeats are, nobody here takes them."""

    def __init__(self) -> None:
        self.running: set[UUID] = set()

    @contextmanager
    def runs(self, operation: UUID) -> Iterator[None]:
        self.running.add(operation)
        try:
            yield
        finally:
            self.running.discard(operation)
