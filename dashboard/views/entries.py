"""A page of a stream's entries: the newest, those of a range, or those around a place that was gone to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from dashboard import filters
from dashboard.display.columns import id_width, widths
from dashboard.display.rows import COLUMNS, EntryRow, Sight, entry_row, field_names, sight
from dashboard.http import params
from dashboard.http.converters import has_address, to_address
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries import EntryRange
from dashboard.streams.snapshots import Entry, Page, StreamFacts
from dashboard.views.watched import Watched

LIMIT = 50
AHEAD = 10
"""Of them at and after the place that was gone to: with these above it, it stands on the first screen."""
TABS = ("entries", "groups", "retention")
FORMS = ("tree", "raw", "hex")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: `start` and `end` are inclusive bounds, `start` alone reads upwards from there.

    `place` is what was gone to, as `at` has it in words; the page shows what came at and after it, and what before.
    """

    tab: str
    start: StreamId | None
    end: StreamId | None
    at: str
    place: StreamId | None
    where: str
    opened: StreamId | None
    form: str
    columns: tuple[bytes, ...]
    skip: int = 0
    """Groups before the page of the tab of groups."""

    @classmethod
    def of(cls, query: params.Query) -> Asked:
        place = params.position(query, "at")
        return cls(
            tab=params.choice(query, "tab", TABS, "entries"),
            start=None if place else params.position(query, "start"),
            end=None if place else params.position(query, "end", upper=True),
            at=params.text(query, "at") if place else "",
            place=place,
            where=params.text(query, "where", most=filters.MAX_LENGTH),
            opened=params.entry_id(query, "open"),
            form=params.choice(query, "as", FORMS, "tree"),
            columns=params.names(query, "column"),
            skip=params.whole(query, "skip", 0),
        )

    @property
    def is_head(self) -> bool:
        """The newest entries: the page that can be live."""
        return self.start is None and self.end is None and self.place is None

    @property
    def searches(self) -> bool:
        """Whether it looks for entries from the newest on, and can go on so."""
        return bool(self.where) and self.place is None and not (self.start and not self.end)

    def newest(self) -> Asked:
        """The same filter and columns, from the newest entry on."""
        return replace(self, start=None, end=None, at="", place=None, opened=None)

    def address(self, **changes: object) -> str:
        values: dict[str, object] = {
            "tab": "" if self.tab == "entries" else self.tab,
            "start": self.start,
            "end": self.end,
            "at": self._fixed_at,
            "where": self.where,
            "column": [to_address(name) for name in self.columns],
            "open": self.opened,
            "as": "" if self.form == "tree" else self.form,
            **changes,
        }
        return params.address({name: str(v) if isinstance(v, StreamId) else v for name, v in values.items()})

    @property
    def _fixed_at(self) -> str:
        """ "-2h" would be another place a minute later."""
        return str(self.place) if self.place and self.at.startswith("-") else self.at


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of entries as the table shows it, newest first. `ahead` are those at and after the place gone to.

    `widths`: the class of each column; `id_width`: of the one of IDs. `rest`: where the older page begins,
    after `scanned` entries were looked at.
    """

    ahead: tuple[EntryRow, ...]
    rows: tuple[EntryRow, ...]
    columns: tuple[bytes, ...]
    widths: tuple[str, ...]
    id_width: str
    all_columns: tuple[bytes, ...]
    may_read: bool
    newer: str
    older: str
    rest: StreamId | None
    scanned: int
    stopped: str
    last_id: StreamId | None

    @property
    def heads(self) -> tuple[tuple[bytes, str], ...]:
        """The columns with their widths."""
        return tuple(zip(self.columns, self.widths, strict=True))

    @property
    def scrolls(self) -> bool:
        """Whether there are more columns than fit."""
        return len(self.columns) > COLUMNS


@dataclass(frozen=True, slots=True)
class Found:
    """What was read, newest first, of how many, and where the newer and the older page begin, None at an end."""

    ahead: tuple[Entry, ...]
    items: tuple[Entry, ...]
    newer: StreamId | None
    older: StreamId | None
    scanned: int
    stopped: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.ahead + self.items


def entries_page(here: Watched, facts: StreamFacts, asked: Asked, *, exactly: bool = False) -> Entries:
    """The head of a stream ends at the last ID of `facts`: the live watch that begins there tells the rest.

    `exactly`: with the columns that are asked for, whether any of these entries has them or not.
    """
    seen = sight(here.principal, here.server.name, facts.key)
    found = _find(here, facts, asked, seen)
    names = tuple(filter(has_address, field_names(found.entries))) if seen.may_read else ()
    columns = asked.columns if exactly else tuple(n for n in asked.columns if n in names) or names[:COLUMNS]
    row = partial(_row, seen=seen, columns=columns, asked=asked)
    plain = replace(asked.newest(), form="tree")
    ahead, rows = tuple(map(row, found.ahead)), tuple(map(row, found.items))
    return Entries(
        ahead=ahead,
        rows=rows,
        columns=columns,
        widths=widths(ahead + rows, columns),
        id_width=id_width([row.id for row in ahead + rows] + [str(facts.last_generated_id)]),
        all_columns=names,
        may_read=seen.may_read,
        newer=plain.address(start=found.newer) if found.newer else "",
        older=plain.address(end=found.older) if found.older else "",
        rest=found.older,
        scanned=found.scanned,
        stopped=found.stopped,
        last_id=facts.last_generated_id,
    )


def _row(entry: Entry, *, seen: Sight, columns: tuple[bytes, ...], asked: Asked) -> EntryRow:
    form = asked.form if entry.id == asked.opened else ""
    link = asked.address(open=None if form else entry.id) + f"#e-{entry.id}"
    return entry_row(entry, seen, columns, form=form, open_url=link)


def _find(here: Watched, facts: StreamFacts, asked: Asked, seen: Sight) -> Found:
    filtered = filters.parse_for(asked.where, facts) if asked.where and seen.may_read else None
    keep = (lambda entry: filtered.keeps(entry, seen.mask)) if filtered else None
    start, end = filtered.id_range if filtered else (MIN, MAX)
    every = EntryRange(facts.key, start, end, keep=keep, first=facts.first_id, limit=LIMIT)
    if asked.place:
        return _around(here, every, asked.place, seen)
    if asked.start and not asked.end:
        return _upwards(here.server.run(replace(every, start=max(start, asked.start))), asked.start, seen)
    below = min(end, asked.end or facts.last_generated_id)
    page = here.server.run(replace(every, start=max(start, asked.start or MIN), end=below, newest_first=True))
    return _downwards(page, asked, seen)


def _around(here: Watched, every: EntryRange, place: StreamId, seen: Sight) -> Found:
    above = here.server.run(replace(every, start=max(every.start, place), limit=AHEAD))
    older = replace(every, end=min(every.end, place.prev()), newest_first=True, limit=LIMIT - AHEAD)
    below: Page[Entry] = here.server.run(older) if place > MIN else Page(())
    stopped = " ".join(filter(None, (seen.stopped(above), seen.stopped(below))))
    scanned = above.scanned + below.scanned
    return Found(tuple(reversed(above.items)), below.items, above.next, below.next, scanned, stopped)


def _upwards(page: Page[Entry], start: StreamId, seen: Sight) -> Found:
    below = page.items[0].id.prev() if page.items else start
    return Found((), tuple(reversed(page.items)), page.next, below, page.scanned, seen.stopped(page))


def _downwards(page: Page[Entry], asked: Asked, seen: Sight) -> Found:
    """Above the newest page there is nothing but what is yet to come."""
    above = None if asked.is_head else page.items[0].id.next() if page.items else asked.end
    return Found((), page.items, above, page.next, page.scanned, seen.stopped(page))
