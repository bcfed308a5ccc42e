"""The streams of a merged tail: whether each may be seen and can be read, and the newest entries of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import HttpRequest

from dashboard.accounts.access import Forbidden
from dashboard.display.rows import NO_PAYLOADS, Sight, sight
from dashboard.filters import Filter
from dashboard.http.scope import RequestScope, scope_of
from dashboard.streams.errors import Gone, StreamError
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import EntryRange, Together
from dashboard.streams.queries.steps import PAGE_BYTES
from dashboard.streams.queries.watching import ObserveStreams
from dashboard.streams.snapshots import Entry, Page, StreamFacts

ROWS = 50
LEAST = 10
"""Entries that are read of each stream, however many they are."""
ROUNDS = 6
"""Round trips for the entries of all streams together: as many as LEAST to ROWS take, and a look by a filter."""
UNSEEN = "Not found, or you may not see it."
MISSING = "Not found. Its entries appear here once it is created."
NO_TIMES = "Its IDs are not times: entries are placed as they arrive."


@dataclass(frozen=True, slots=True)
class Source:
    """`sight`: None when it cannot be followed. `facts`: None when it cannot be read. `trouble`: why, in a sentence."""

    key: bytes
    sight: Sight | None = None
    facts: StreamFacts | None = None
    trouble: str = ""

    @property
    def after(self) -> StreamId:
        """Where new entries begin."""
        return self.facts.last_generated_id if self.facts else MIN

    @property
    def has_times(self) -> bool:
        """Whether its entries have a place among those of others; one without entries may."""
        return self.after == MIN or self.after.clock_ms is not None


@dataclass(frozen=True, slots=True)
class Merged:
    """Entries with their streams, newest first. `cut`: why there are no older ones, "" when these are all."""

    entries: tuple[tuple[Source, Entry], ...]
    cut: str


def sources(request: HttpRequest, here: RequestScope, keys: Sequence[bytes], *, filtered: bool) -> list[Source]:
    """In the order of `keys`. `filtered`: only what the principal may read is looked into. Raises Unreachable."""
    found = [_allowed(request, here, key, filtered=filtered) for key in keys]
    followed = tuple(source.key for source in found if source.sight)
    observed = here.server.run(ObserveStreams(followed)).streams if followed else {}
    return [_observed(source, observed) for source in found]


def _allowed(request: HttpRequest, here: RequestScope, key: bytes, *, filtered: bool) -> Source:
    try:
        scope_of(request, here.server.name, key)
    except (Forbidden, Gone):
        return Source(key, trouble=UNSEEN)
    seen = sight(here.principal, here.server.name, key)
    return Source(key, trouble=NO_PAYLOADS) if filtered and not seen.may_read else Source(key, seen)


def _observed(source: Source, observed: Mapping[bytes, StreamFacts | StreamError]) -> Source:
    facts = observed.get(source.key)
    if facts is None:
        return source
    if isinstance(facts, StreamError):
        return replace(source, trouble=MISSING if isinstance(facts, Gone) else facts.message)
    source = replace(source, facts=facts)
    return source if source.has_times else replace(source, trouble=NO_TIMES)


def newest(server: Server, followed: Sequence[Source], where: Filter | None) -> Merged:
    """The newest entries of all, as far back as each of them was looked at. One without times has no place here."""
    timed = {source.key: source for source in followed if source.facts and source.has_times}
    pages = _read(server, {key: _range(source, where, len(timed)) for key, source in timed.items()})
    bound = max((page.next for page in pages.values() if page.next), default=None)
    read = [(timed[key], entry) for key, page in pages.items() for entry in page.items]
    found = sorted(read, key=lambda each: each[1].id, reverse=True)
    found = [each for each in found if bound is None or each[1].id > bound]
    cut = bound is not None or len(found) > ROWS
    return Merged(tuple(found[:ROWS]), _why(pages, filtered=where is not None) if cut else "")


def _range(source: Source, where: Filter | None, count: int) -> EntryRange:
    start, end = where.id_range if where else (MIN, MAX)
    seen, facts = source.sight, source.facts
    assert seen is not None
    assert facts is not None
    return EntryRange(
        source.key,
        start,
        min(end, source.after),
        newest_first=True,
        limit=max(LEAST, ROWS // count),
        keep=_keep(where, seen) if where else None,
        first=facts.first_id,
    )


def _keep(where: Filter, seen: Sight) -> Callable[[Entry], bool]:
    return lambda entry: where.keeps(entry, seen.mask)


def _read(server: Server, queries: Mapping[bytes, EntryRange]) -> dict[bytes, Page[Entry]]:
    """All of them side by side, step by step, until they weigh what a page may. What fails now is left out."""
    pages: dict[bytes, Page[Entry]] = {}
    ahead: dict[bytes, EntryRange] = dict(queries)
    for _ in range(ROUNDS):
        if not ahead or sum(page.weight for page in pages.values()) > PAGE_BYTES:
            break
        values = server.run(Together(tuple(ahead.values())))
        read = {key: value for key, value in zip(ahead, values, strict=True) if isinstance(value, Page)}
        pages |= read
        steps = {key: ahead[key].then(page) for key, page in read.items()}
        ahead = {key: step for key, step in steps.items() if isinstance(step, EntryRange)}
    return pages


def _why(pages: Mapping[bytes, Page[Entry]], *, filtered: bool) -> str:
    looked = sum(page.scanned for page in pages.values())
    seen = f"Looked into the newest {looked:,} entries. " if filtered else ""
    return f"{seen}Older ones are on the page of each stream."
