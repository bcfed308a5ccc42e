"""The list of a server's streams: searched, sorted, folded by prefix, from the fleet's latest sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from dashboard.accounts.principals import Principal
from dashboard.fleet.store import RANK, ServerSnapshot, StreamState, matches, once, visible
from dashboard.http import params
from dashboard.http.converters import to_address
from dashboard.streams.figures import Figure, Rate, largest, total, total_rate
from dashboard.streams.ids import StreamId, ahead_ms

FOLD_AT = 8
"""As many streams with a common prefix become one row."""
CHILDREN = 20
"""Streams shown under an open prefix."""
LIMITS = ("50", "100", "200")
HEALTHS = ("", "stuck", "late", "unknown", "ok")

SORTS: dict[str, Callable[[StreamState], float | bytes | StreamId | tuple[int, int, bytes]]] = {
    "health": lambda s: (RANK[s.health], -(s.oldest_pending_ms or 0), s.key),
    "name": lambda s: s.key,
    "length": lambda s: s.sample.facts.length,
    "in_rate": lambda s: s.in_rate or 0.0,
    "last": lambda s: s.sample.facts.last_generated_id,
    "groups": lambda s: s.sample.facts.groups,
    "pending": lambda s: s.pending.value or 0,
    "lag": lambda s: -1 if s.lag.value is None else s.lag.value,
    "oldest": lambda s: s.oldest_pending_ms or 0,
}


SEARCH_CHARS = 200
NOT_ASKED = Figure(None, "not requested")


@dataclass(frozen=True)
class Row:
    """A stream, or a folded prefix that stands for `members`. Figures of a prefix are sums, the worst, the oldest.

    Each is worked out once, however often the page asks: a prefix may stand for thousands.
    """

    members: tuple[StreamState, ...]
    memory: Figure = NOT_ASKED
    prefix: bytes = b""
    is_open: bool = False
    child: bool = False

    @property
    def state(self) -> StreamState:
        return self.members[0]

    @property
    def count(self) -> int:
        return len(self.members)

    @property
    def search(self) -> str:
        """What finds the streams of a prefix in the list; "" where it cannot be written as a search."""
        try:
            text = self.prefix.decode()
        except UnicodeDecodeError:
            return ""
        return f"{text}*" if len(text) < SEARCH_CHARS and text == text.strip() else ""

    @cached_property
    def length(self) -> int:
        return sum(s.sample.facts.length for s in self.members)

    @cached_property
    def in_rate(self) -> Rate:
        return total_rate(s.in_rate for s in self.members)

    @cached_property
    def trend(self) -> tuple[float | None, ...]:
        return () if self.prefix else self.state.in_trend

    @cached_property
    def last_ms(self) -> int | None:
        return max(s.sample.facts.last_generated_id for s in self.members).clock_ms

    @cached_property
    def ahead_ms(self) -> int | None:
        """How far the newest ID lies after the server's clock."""
        newest = max(self.members, key=lambda s: s.sample.facts.last_generated_id).sample
        return ahead_ms(newest.facts.last_generated_id, newest.now_ms)

    @cached_property
    def groups(self) -> int:
        return sum(s.sample.facts.groups for s in self.members)

    @cached_property
    def pending(self) -> Figure:
        return total(s.pending for s in self.members)

    @cached_property
    def lag(self) -> Figure:
        return largest(s.lag for s in self.members)

    @cached_property
    def oldest(self) -> Figure:
        """Of those that hold something."""
        held = [s.oldest_pending for s in self.members if s.pending.value != 0]
        return largest(held) if held else self.state.oldest_pending

    @property
    def oldest_ms(self) -> int | None:
        return self.oldest.value

    @cached_property
    def health(self) -> str:
        return min((s.health for s in self.members), key=RANK.__getitem__)

    @cached_property
    def word(self) -> str:
        found = [finding for s in self.members for finding in s.findings]
        if not found:
            return "OK" if self.health == "ok" else "Unknown"
        if self.prefix:
            return f"{sum(s.health == self.health for s in self.members):,} {self.health}"
        return min(found, key=lambda f: RANK[f.severity]).label


@dataclass(frozen=True, slots=True)
class Asked:
    """The query string."""

    search: str
    health: str
    sort: str
    flat: bool
    limit: int
    start: int
    opened: tuple[bytes, ...] = field(default=())

    @classmethod
    def of(cls, query: params.Query) -> Asked:
        sorts = [sign + name for name in SORTS for sign in ("", "-")]
        return cls(
            search=params.text(query, "search", most=SEARCH_CHARS),
            health=params.choice(query, "health", HEALTHS, ""),
            sort=params.choice(query, "sort", sorts, "health"),
            flat=params.flag(query, "flat"),
            limit=int(params.choice(query, "limit", LIMITS, LIMITS[0])),
            start=params.whole(query, "start", 0),
            opened=params.names(query, "open"),
        )

    def address(self, **changes: object) -> str:
        """The page's address with some parameters changed."""
        values: dict[str, object] = {
            "search": self.search,
            "health": self.health,
            "sort": "" if self.sort == "health" else self.sort,
            "flat": "1" if self.flat else "",
            "limit": "" if self.limit == int(LIMITS[0]) else self.limit,
            "open": [to_address(prefix) for prefix in self.opened],
            **changes,
        }
        return params.address(values)


@dataclass(frozen=True, slots=True)
class Listed:
    """The streams of a list in their order, the rows they make, and how many of those of that name are in which health.

    `folds`: how many of the rows stand for several streams.
    """

    states: Sequence[StreamState]
    rows: Sequence[Row]
    folds: int
    healths: Counter[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What lists show of a round. What does not hang on a search is worked out once for all who see the same."""

    principal: Principal
    snapshot: ServerSnapshot

    def listed(self, asked: Asked) -> Listed:
        if asked.search:
            return self._listed(asked, [s for s in self._ordered(asked.sort) if matches(s.key, asked.search)])
        name = f"list {asked.sort} {asked.health} {asked.flat}"
        return once(self.principal, self.snapshot, name, lambda: self._listed(asked, self._ordered(asked.sort)))

    def _ordered(self, sort: str) -> Sequence[StreamState]:
        def work() -> Sequence[StreamState]:
            states: list[StreamState] = list(visible(self.principal, self.snapshot))
            states.sort(key=SORTS[sort.lstrip("-")], reverse=sort.startswith("-"))
            return states

        return once(self.principal, self.snapshot, f"sort {sort}", work)

    def _listed(self, asked: Asked, named: Sequence[StreamState]) -> Listed:
        found = named if not asked.health else [s for s in named if asked.health == s.health]
        rows = rows_of(found, replace(asked, opened=()))
        return Listed(found, rows, sum(bool(row.prefix) for row in rows), Counter(s.health for s in named))


def rows_of(ordered: Sequence[StreamState], asked: Asked) -> list[Row]:
    """Streams in their order, prefixes with many streams folded where the first of them stands."""
    folds = {} if asked.flat or asked.search else _folds(ordered)
    rows: list[Row] = []
    done: set[bytes] = set()
    for state in ordered:
        fold = folds.get(_first_part(state.key))
        if fold is None:
            rows.append(Row((state,)))
        elif fold.prefix not in done:
            done.add(fold.prefix)
            rows.extend(_opened(fold) if fold.prefix in asked.opened else [fold])
    return rows


def _opened(fold: Row) -> Iterable[Row]:
    yield Row(fold.members, prefix=fold.prefix, is_open=True)
    for state in fold.members[:CHILDREN]:
        yield Row((state,), child=True)
    if fold.count > CHILDREN:
        yield Row(fold.members[CHILDREN:], prefix=fold.prefix, child=True)


def _folds(ordered: Sequence[StreamState]) -> dict[bytes, Row]:
    """By first part of the name: the row that stands for all of them, where there are enough."""
    families: dict[bytes, list[StreamState]] = {}
    for state in ordered:
        families.setdefault(_first_part(state.key), []).append(state)
    return {
        part: Row(tuple(members), prefix=_common([s.key for s in members]))
        for part, members in families.items()
        if part and len(members) >= FOLD_AT
    }


def _first_part(key: bytes) -> bytes:
    head, colon, _ = key.partition(b":")
    return head + colon if colon else b""


def _common(keys: list[bytes]) -> bytes:
    """What all keys begin with, up to a colon."""
    first, last = min(keys), max(keys)
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    prefix = first[:length]
    return prefix[: prefix.rfind(b":") + 1]
