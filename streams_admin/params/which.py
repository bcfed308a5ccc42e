"""Which pending entries an action is about: named by ID, or all that match a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.streams.errors import BadId
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.names import BadName, from_path, to_path
from streams_admin.errors import BadParameters

IDS_MOST = 1000
"""IDs that one plan may name. More are a filter."""
FILTER_KEYS = {"consumer", "min_idle_ms", "min_deliveries", "start", "end", "limit"}


@dataclass(frozen=True, slots=True)
class Which:
    """Entries by `ids`, or by the rest: all of them conditions, all optional."""

    ids: tuple[StreamId, ...] = ()
    consumer: bytes | None = None
    min_idle_ms: int = 0
    min_deliveries: int = 0
    start: StreamId = MIN
    end: StreamId = MAX
    limit: int | None = None

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> Which:
        """From `ids` or `filter` of an action's parameters (names as path names). Raises BadParameters."""
        ids, chosen = params.get("ids"), params.get("filter")
        if (ids is None) == (chosen is None):
            raise BadParameters("Give either ids or filter to select the entries.")
        if ids is not None:
            return cls(ids=_ids(ids))
        return _filter(chosen)

    def to_json(self) -> dict[str, Any]:
        """As `parse` reads it."""
        if self.ids:
            return {"ids": [str(id_) for id_ in self.ids]}
        found: dict[str, Any] = {}
        if self.consumer is not None:
            found["consumer"] = to_path(self.consumer)
        for name in ("min_idle_ms", "min_deliveries", "limit"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        if self.start != MIN:
            found["start"] = str(self.start)
        if self.end != MAX:
            found["end"] = str(self.end)
        return {"filter": found}


def _ids(raw: Any) -> tuple[StreamId, ...]:
    if not isinstance(raw, list) or not raw:
        raise BadParameters("ids must be a list of at least one entry ID.")
    if len(raw) > IDS_MOST:
        raise BadParameters(f"ids has {len(raw):,} entries; allowed: {IDS_MOST:,}. Use a filter for more.")
    return tuple(sorted({_id("ids", text) for text in raw}))


def _filter(raw: Any) -> Which:
    if not isinstance(raw, dict):
        raise BadParameters("filter must be an object.")
    unknown = set(raw) - FILTER_KEYS
    if unknown:
        raise BadParameters(f"filter has {sorted(unknown)[0]!r}; allowed: {', '.join(sorted(FILTER_KEYS))}.")
    return Which(
        consumer=name("filter.consumer", raw["consumer"]) if raw.get("consumer") is not None else None,
        min_idle_ms=whole("filter.min_idle_ms", raw.get("min_idle_ms", 0)),
        min_deliveries=whole("filter.min_deliveries", raw.get("min_deliveries", 0)),
        start=_id("filter.start", raw["start"]) if raw.get("start") else MIN,
        end=_id("filter.end", raw["end"]) if raw.get("end") else MAX,
        limit=whole("filter.limit", raw["limit"], least=1) if raw.get("limit") is not None else None,
    )


def _id(what: str, text: Any) -> StreamId:
    try:
        return StreamId.parse(str(text))
    except BadId as error:
        raise BadParameters(f"{what}: {error}") from error


def name(what: str, path: Any) -> bytes:
    """A path name as bytes. Raises BadParameters."""
    try:
        return from_path(str(path))
    except BadName as error:
        raise BadParameters(f"{what}: {error}") from error


def whole(what: str, value: Any, *, least: int = 0, most: int = 10**15) -> int:
    """A whole number. Raises BadParameters."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadParameters(f"{what} is {str(value)[:40]!r}; allowed: a whole number from {least} to {most}.")
    return value


def truth(what: str, value: Any) -> bool:
    """true or false. Raises BadParameters."""
    if not isinstance(value, bool):
        raise BadParameters(f"{what} is {str(value)[:40]!r}; allowed: true, false.")
    return value
