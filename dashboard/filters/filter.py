"""A filter, read and ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from dashboard.accounts.masking import Mask
from dashboard.filters.bounds import Range, id_range
from dashboard.filters.errors import InvalidFilter
from dashboard.filters.evaluation import Evaluation
from dashboard.filters.grammar import read
from dashboard.filters.nodes import And, Node, Not, Or, TimeBound
from dashboard.streams.id_units import why_no_time
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry, PendingEntry, StreamFacts


@dataclass(frozen=True, slots=True)
class Filter:
    """Equal ones keep the same entries, so that they are asked once. `str` is the filter as a text."""

    root: Node

    def keeps(self, entry: Entry | PendingEntry, mask: Mask) -> bool:
        """Whether the entry matches. A condition on a masked field never does, negated or not."""
        return Evaluation(entry, mask).holds(self.root, True)

    @property
    def id_range(self) -> Range:
        """Everything it keeps has an ID from the first to the last of these."""
        return id_range(self.root)

    def within(self, start: StreamId, end: StreamId) -> Range:
        """What of a range can hold anything that it keeps; the first is above the last when nothing can."""
        low, high = self.id_range
        return max(start, low), min(end, high)

    @property
    def times(self) -> tuple[int, ...]:
        """The moments that it compares with, in ms since 1970: it needs IDs that are times."""
        return tuple(_times(self.root))

    def __str__(self) -> str:
        return str(self.root)


def parse(text: str, now: datetime | None = None) -> Filter:
    """`now`: what `time > -2h` counts from, and whose zone `14:05` is in. Raises InvalidFilter."""
    return Filter(read(text, now or timezone.localtime()))


def parse_for(text: str, facts: StreamFacts) -> Filter:
    """As `parse`. Raises InvalidFilter also for a time, where the IDs of this stream are none: nothing would match."""
    found = parse(text)
    check_times(found, text, facts)
    return found


def check_times(found: Filter, text: str, facts: StreamFacts) -> None:
    """What `parse_for` raises, of a filter that was read from `text` before the stream was."""
    for ms in found.times:
        if why := why_no_time(facts, StreamId(ms, 0)):
            raise InvalidFilter(text, why, 0, len(text))


def _times(node: Node) -> Iterator[int]:
    if isinstance(node, TimeBound):
        yield node.ms
    elif isinstance(node, Not):
        yield from _times(node.part)
    elif isinstance(node, (And, Or)):
        for part in node.parts:
            yield from _times(part)
