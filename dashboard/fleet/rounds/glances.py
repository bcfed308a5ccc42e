"""Which streams are not as they were: told by comparing the bytes of replies, without parsing those that are equal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from dashboard.fleet.rounds.slices import Slices
from dashboard.streams.errors import NotAllowed
from dashboard.streams.links import packed, parsed
from dashboard.streams.queries.sampling import PER_GLANCE, glance
from dashboard.streams.replies import Reply

TOGETHER = 16
"""Streams whose replies are compared as one."""
WINDOW = 32
"""Blocks in one round trip."""
Ask = Callable[[Sequence[bytes]], Awaitable[list[bytes]]]
"""The replies to batches of packed commands, unparsed."""


@dataclass(slots=True)
class _Block:
    """`replies`: those of the last look; once a stream left the block, `kept` by stream until the next one."""

    keys: tuple[bytes, ...]
    replies: bytes = b""
    kept: Mapping[bytes, object] | None = None
    refused: tuple[bytes, ...] = ()
    """Streams of which the server did not tell: nothing is known to be as it was."""
    at_ms: int = 0

    def take(self, replies: bytes) -> list[bytes]:
        """The streams whose replies are others than in the last look. Raises NotAllowed where XLEN is denied."""
        if replies == self.replies:
            return list(self.refused)
        now = self._by_key(replies)
        denied = next((length for length, groups in now.values() if _denied(length) and not _denied(groups)), None)
        if denied is not None:
            raise denied
        before = self.kept if self.kept is not None else self._by_key(self.replies)
        self.replies, self.kept = replies, None
        self.refused = tuple(key for key in self.keys if any(isinstance(r, Exception) for r in now[key]))
        return [key for key in self.keys if key in self.refused or before.get(key) != now[key]]

    def without(self, gone: Set[bytes]) -> None:
        self.kept = self._by_key(self.replies) if self.kept is None else self.kept
        self.keys, self.replies = tuple(key for key in self.keys if key not in gone), b""
        self.refused = tuple(key for key in self.refused if key not in gone)

    def _by_key(self, replies: bytes) -> dict[bytes, list[Reply]]:
        if not replies:
            return {}
        found = parsed(replies)
        return {key: found[at * PER_GLANCE : (at + 1) * PER_GLANCE] for at, key in enumerate(self.keys)}


def _denied(reply: Reply) -> bool:
    """Of a key that may not be read, both replies say so."""
    return isinstance(reply, NotAllowed)


class Glances:
    """Replies of the last look at every stream of a server."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._new: set[bytes] = set()
        self._gone: set[bytes] = set()

    def add(self, keys: Iterable[bytes]) -> None:
        """From now on these streams are looked at, which were not."""
        self._new.update(keys)

    def drop(self, keys: Iterable[bytes]) -> None:
        """From now on these streams are not looked at."""
        gone = set(keys)
        self._gone |= gone
        self._new -= gone

    def forget(self) -> None:
        """Nothing is known of any stream: the next look finds all of them changed."""
        for block in self._blocks:
            block.replies, block.kept = b"", {}

    async def look(self, ask: Ask, now: Callable[[], int], changed: dict[bytes, int]) -> None:
        """Put into `changed` which streams may have changed, each with when it was last seen unchanged: 0 for never.

        One that is there already keeps its moment. `now`: the server's clock. Raises what `ask` raises, and NotAllowed
        where XLEN is denied.
        """
        self._arrange()
        slices = Slices()
        for at in range(0, len(self._blocks), WINDOW):
            window, moment = self._blocks[at : at + WINDOW], now()
            replies = await ask([packed(glance(block.keys)) for block in window])
            for block, received in zip(window, replies, strict=True):
                for key in block.take(received):
                    changed.setdefault(key, block.at_ms)
                block.at_ms = moment
                await slices.rest()

    def _arrange(self) -> None:
        """Blocks of those that are to be looked at."""
        for block in self._blocks if self._gone else ():
            if not self._gone.isdisjoint(block.keys):
                block.without(self._gone)
        new = sorted(self._new)
        self._blocks = [block for block in self._blocks if block.keys]
        self._blocks += [_Block(tuple(new[at : at + TOGETHER])) for at in range(0, len(new), TOGETHER)]
        self._new, self._gone = set(), set()
