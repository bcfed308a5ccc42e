"""What a page, a socket frame and the API show of an entry: the one place where bytes become values to look at.

Policy is applied here: fields that are masked, and payloads the principal may not read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, TypeVar

from dashboard.accounts.access import may
from dashboard.accounts.masking import Mask, mask
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.display.format import abridged
from dashboard.streams.names import plain
from dashboard.streams.payloads import trees
from dashboard.streams.payloads.hexdump import hexdump
from dashboard.streams.payloads.show import MASK, MASKED, Shown, show
from dashboard.streams.payloads.trees import MARK, Node
from dashboard.streams.queries.steps import without_weight
from dashboard.streams.snapshots import Entry, Fields, Page, PendingEntry

T = TypeVar("T")

CELL = 200
"""Characters of a value in a table cell: more than fit beside the others on a wide screen."""
COLUMNS = 5
"""Field columns picked by themselves."""
LABEL = 32
"""Characters of a column's name beside its cell."""
PREVIEW_FIELDS = 8
PREVIEW_VALUE = 120
"""Characters of a value in a preview."""
PREVIEW_CHARS = 1_500
"""About how much HTML the preview of one entry makes: eight plain fields fit, ugly ones do not all."""
FIELDS = 200
"""Fields of one entry that a page shows in full."""
PACKED = 6
"""Fields of an open entry that are unpacked in full: a few bytes may unpack to a lot. Later ones are shown short."""
OPEN_CHARS = 120_000
"""About how much HTML the fields of an open entry make: what comes after that is left out. One field always shows."""
_NODE_CHARS, _LINE_CHARS, _FIELD_CHARS = 180, 80, 100
"""About how much of it is around a node of a tree, a line of a dump, a field."""
JSON_BYTES = 65_536
"""Bytes of one value in a JSON answer."""
NO_PAYLOADS = "It needs the permission “read_payload”."

ShownFields = tuple[tuple[bytes, Shown], ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one principal may see of one stream's payloads."""

    mask: Mask
    may_read: bool

    def value(self, name: bytes, value: bytes, *, limit: int, tree: bool) -> Shown:
        return MASKED if self.mask.hides(name) else show(value, limit=limit, tree=tree)

    def size(self, fields: Fields) -> int:
        """Bytes of names and values, without those that policy hides: their length would tell something of them."""
        return sum(len(name) + (0 if self.mask.hides(name) else len(value)) for name, value in fields)

    def stopped(self, page: Page[Any]) -> str:
        """Why a page ends early; without its weight where fields are hidden, whose length is a part of it."""
        return without_weight(page.stopped, page.weight) if self.mask.fields else page.stopped

    def preview(self, fields: Fields) -> ShownFields | None:
        """The first fields, short; None when payloads may not be read."""
        if not self.may_read:
            return None
        shown = ((n, self.value(n, v, limit=PREVIEW_VALUE, tree=False)) for n, v in fields[:PREVIEW_FIELDS])
        return tuple(_fitting(shown, _line_weight, PREVIEW_CHARS))

    def full(self, fields: Fields, *, limit: int = 4096) -> ShownFields | None:
        if not self.may_read:
            return None
        shown = self._in_full(fields[:FIELDS], limit)
        return tuple(_fitting(shown, lambda field: _FIELD_CHARS + _weight(field[1]), OPEN_CHARS))

    def _in_full(self, fields: Fields, limit: int) -> Iterator[tuple[bytes, Shown]]:
        packed = 0
        for name, value in fields:
            shown = self.value(name, value, limit=limit, tree=packed < PACKED)
            packed += bool(shown.decoded)
            yield name, shown


def sight(principal: Principal, server: str, key: bytes) -> Sight:
    return Sight(mask(key), may(principal, Permission.READ_PAYLOAD, server, key))


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A row of the entries table. `cells` follow the page's `columns`; None: the entry has no such field.

    `preview`: the first fields in one line, where no columns are chosen.

    An open row has its payload in full in `detail` or, as lines of a dump per field, in `dumps`.
    """

    id: str
    at_ms: int | None
    columns: tuple[bytes, ...]
    cells: tuple[Shown | None, ...]
    size: int
    field_count: int
    may_read: bool
    open_url: str
    preview: ShownFields | None = None
    form: str = ""
    detail: ShownFields | None = None
    dumps: tuple[Dump, ...] = ()

    @property
    def is_open(self) -> bool:
        return bool(self.form)

    @property
    def fields(self) -> tuple[tuple[str, Shown | None], ...]:
        """The cells with the names of their columns, for a phone."""
        return tuple(zip(labels(self.columns), self.cells, strict=True))


@lru_cache(maxsize=16)
def labels(columns: tuple[bytes, ...]) -> tuple[str, ...]:
    """The names of columns, short. All rows of a table share them."""
    return tuple(abridged(plain(name), LABEL) for name in columns)


@dataclass(frozen=True, slots=True)
class Dump:
    """A field's value as lines of offset, bytes and ASCII; none when policy hides it."""

    name: bytes
    lines: tuple[str, ...]
    size: int
    masked: bool


def entry_row(
    entry: Entry, seen: Sight, columns: tuple[bytes, ...], *, form: str = "", open_url: str = "", cell: int = CELL
) -> EntryRow:
    """`form`: "tree", "raw" or "hex" opens the row. `cell`: characters of a value in its cell."""
    first: dict[bytes, bytes] = {}
    for name, value in entry.fields:
        first.setdefault(name, value)
    columns = columns if seen.may_read else ()
    return EntryRow(
        id=str(entry.id),
        at_ms=entry.id.clock_ms,
        columns=columns,
        cells=tuple(_cell(first, name, seen, cell) for name in columns),
        size=seen.size(entry.fields),
        field_count=len(entry.fields),
        may_read=seen.may_read,
        open_url=open_url or f"?open={entry.id}",
        preview=None if columns else seen.preview(entry.fields),
        form=form,
        detail=seen.full(entry.fields) if form in ("tree", "raw") else None,
        dumps=dumps(entry.fields, seen) if form == "hex" else (),
    )


def dumps(fields: Fields, seen: Sight) -> tuple[Dump, ...]:
    """Every field as a hex dump; nothing when payloads may not be read."""
    if not seen.may_read:
        return ()
    found = (_dump(n, v, seen.mask.hides(n)) for n, v in fields[:FIELDS])
    return tuple(_fitting(found, lambda dump: _FIELD_CHARS + _LINE_CHARS * len(dump.lines), OPEN_CHARS))


def _dump(name: bytes, value: bytes, masked: bool) -> Dump:
    return Dump(name, (), 0, True) if masked else Dump(name, tuple(hexdump(value)), len(value), False)


def _cell(first: dict[bytes, bytes], name: bytes, seen: Sight, limit: int) -> Shown | None:
    return seen.value(name, first[name], limit=limit, tree=False) if name in first else None


def _fitting(fields: Iterable[T], weight: Callable[[T], int], most: int) -> Iterator[T]:
    """The first fields, at least one, until they make as much HTML as there is room for."""
    taken = 0
    for field in fields:
        ahead = taken + weight(field)
        if taken and ahead > most:
            return
        taken = ahead
        yield field


def _weight(shown: Shown) -> int:
    """About how much HTML a value makes, as it is or as a tree."""
    flat = sum(MARK if kind == "byte" else len(escape(text)) for kind, text in shown.pieces)
    return max(flat, _tree_weight(shown.tree)) if shown.tree else flat


def _line_weight(field: tuple[bytes, Shown]) -> int:
    """About how much HTML a field makes in one line, where a name and a value are cut to a few marks."""
    return min(trees.weight(field[0].decode("latin-1")), 8 * MARK) + min(_weight(field[1]), PREVIEW_VALUE // 4 * MARK)


def _tree_weight(node: Node) -> int:
    return _NODE_CHARS + trees.weight(node.name) + trees.weight(node.text) + sum(map(_tree_weight, node.children))


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A row of a pending list. `fields`: a preview, None when it may not be read; `deliveries`: None when fatal."""

    id: str
    at_ms: int | None
    consumer: bytes
    idle_ms: int
    deliveries: int | None
    fields: ShownFields | None
    body: str


def pending_row(entry: PendingEntry, seen: Sight) -> PendingRow:
    return PendingRow(
        id=str(entry.id),
        at_ms=entry.id.clock_ms,
        consumer=entry.consumer,
        idle_ms=entry.idle_ms,
        deliveries=None if entry.fatal else entry.deliveries,
        fields=seen.preview(entry.fields),
        body=entry.body,
    )


def field_names(entries: Iterable[Entry]) -> tuple[bytes, ...]:
    """Names of the fields that are there, in order of appearance."""
    return tuple(dict.fromkeys(name for entry in entries for name, _ in entry.fields))


def values_json(fields: Fields, seen: Sight, *, limit: int = JSON_BYTES) -> list[list[Any]] | None:
    """Fields as the API has them: [name, value] pairs in order; None when payloads may not be read."""
    if not seen.may_read:
        return None
    return [[value_json(n, limit), MASK if seen.mask.hides(n) else value_json(v, limit)] for n, v in fields]


def value_json(value: bytes, limit: int = JSON_BYTES) -> Any:
    """A string when it is UTF-8, else {"base64"}; cut ones as {"text"|"base64", "bytes"}."""
    cut = value[:limit]
    whole = len(cut) == len(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        encoded = {"base64": base64.b64encode(cut).decode()}
        return encoded if whole else {**encoded, "bytes": len(value)}
    return text if whole else {"text": cut.decode("utf-8", "ignore"), "bytes": len(value)}
