"""The way to a watched server, whatever its topology."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

from dashboard.streams.links.breaker import Breaker
from dashboard.streams.links.pending_reply import Replies
from dashboard.streams.links.translation import Tally
from dashboard.streams.links.writing.writer import Writer
from dashboard.streams.queries import Command, TailRead
from dashboard.streams.replies import Reply
from dashboard.streams.snapshots import Entry, ServerFacts

Batch = dict[bytes, tuple[Entry, ...]]
"""New entries per stream; empty when nothing came within the block."""


class Link(ABC):
    """Timeouts, circuit breaker, topology and role of one server. Queries know nothing of them.

    Every method that talks to the server raises StreamError: Unreachable when it does not answer or the deadline has
    passed, PrimaryChanged when another node took over. A StreamError stands in a reply's place where a single command
    was refused.
    """

    breaker: Breaker
    tally: Tally
    writer: Writer

    @abstractmethod
    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """One reply per command, in their order, in one round trip."""

    @abstractmethod
    async def aexchange(self, commands: Sequence[Command]) -> list[Reply]:
        """As `exchange`, on the running event loop."""

    @abstractmethod
    async def unparsed(self, batches: Sequence[bytes]) -> list[bytes]:
        """As `aexchange`, for batches of `packed` commands: the replies to each as they came.

        They can be compared, and `parsed`. Raises NotAllowed where the server does not let us mark where one ends.
        """

    @abstractmethod
    def send(self, commands: Sequence[Command]) -> Replies:
        """As `exchange`, for replies that are read later."""

    @abstractmethod
    def follow(self, next_read: Callable[[], TailRead], block_ms: int) -> AsyncGenerator[Batch]:
        """One batch per read, on a connection of its own; `next_read` is called for the cursors of each.

        No read may block longer than `block_ms`. Closing or cancelling it closes the connection.
        """

    @abstractmethod
    async def scan(self, cursor: int) -> tuple[int, tuple[bytes, ...]]:
        """One step of walking all keys from `cursor` (0: the start): the next cursor (0: done) and the streams met."""

    @abstractmethod
    def learned(self, facts: ServerFacts) -> None:
        """Take in what the server said of itself: its topology decides what may share one command."""

    @abstractmethod
    def partitions(self, keys: Iterable[bytes]) -> list[tuple[bytes, ...]]:
        """The keys in groups that may share one command, in their order."""

    def same_slot(self, *keys: bytes) -> bool:
        """Whether one command may touch all of these keys."""
        return len(self.partitions(keys)) <= 1

    @abstractmethod
    async def aclose(self) -> None:
        """Close what belongs to the running loop."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection that belongs to no loop."""
