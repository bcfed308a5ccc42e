"""Values of plans and operations as the database keeps them: JSON there, named tuples and dataclasses everywhere else.

The one place where they are turned into each other. Names of fields are kept for dataclasses, named tuples are lists;
how IDs and names of streams are spelt is said by the types (`params.kinds`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from types import GenericAlias
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter

from streams_admin.actions.base import AnyAction
from streams_admin.actions.work import AnyBatch, Batch, Work

Value = TypeVar("Value")


@lru_cache(maxsize=64)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def dump(model: type[Value], value: Value) -> JsonValue:
    """As JSON keeps it."""
    known: object = model  # a hashable one, which a type variable is not for mypy
    found: JsonValue = _adapter(known).dump_python(value, mode="json")
    return found


def load(model: type[Value], kept: JsonValue) -> Value:
    """As it was before it was kept. Raises ValidationError, a ValueError, where another version kept it."""
    known: object = model
    found: Value = _adapter(known).validate_python(kept)
    return found


def work_out(action: AnyAction, work: Sequence[Work]) -> list[JsonValue]:
    """Pieces of work, as they are saved."""
    found: list[JsonValue] = _adapter(GenericAlias(list, (action.work_model,))).dump_python(list(work), mode="json")
    return found


def work_in(action: AnyAction, kept: Sequence[JsonValue]) -> list[Any]:
    """The work of a verb. Raises ValidationError."""
    found: list[Any] = _adapter(GenericAlias(list, (action.work_model,))).validate_python(kept)
    return found


def ids_in(kept: Iterable[JsonValue]) -> list[str]:
    """The entries that saved work names, whatever verb and version saved it."""
    found = [
        item.get("ids") if isinstance(item, dict) else next(iter(item), None)
        for item in kept
        if isinstance(item, dict | list)
    ]
    return [id_ for ids in found if isinstance(ids, str) for id_ in ids.split()]


def without(kept: Iterable[JsonValue], ids: Container[str]) -> list[JsonValue]:
    """Saved work that is left without these entries."""
    parts = [(item, " ".join(i for i in ids_in([item]) if i not in ids)) for item in kept]
    return [
        [left, *item[1:]] if isinstance(item, list) else {**item, "ids": left}
        for item, left in parts
        if left and isinstance(item, list | dict)
    ]


def cursor_out(action: AnyAction, cursor: object) -> JsonValue:
    return None if cursor is None else dump(action.cursor_model, cursor)


def cursor_in(action: AnyAction, kept: JsonValue) -> Any:
    return None if kept is None else load(action.cursor_model, kept)


def batch_out(action: AnyAction, batch: AnyBatch) -> dict[str, JsonValue]:
    """A batch, as it is saved before it is done."""
    return {
        "work": work_out(action, batch.work),
        "cursor": cursor_out(action, batch.cursor),
        "settled": [list(pair) for pair in batch.settled],
        "passed": dict(batch.passed),
        "last": batch.last,
    }


def batch_in(action: AnyAction, kept: Mapping[str, Any]) -> AnyBatch:
    """Raises ValidationError."""
    work, cursor = work_in(action, kept["work"]), cursor_in(action, kept["cursor"])
    settled = [(id_, result) for id_, result in kept.get("settled", ())]
    return Batch(work, cursor, settled, kept["last"], Counter(kept.get("passed", {})))
