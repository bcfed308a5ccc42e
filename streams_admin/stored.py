"""Values of plans and operations as the database keeps them: JSON there, named tuples and dataclasses everywhere else.

The one place where they are turned into each other. Names of fields are kept for dataclasses, named tuples are lists;
how IDs and names of streams are spelt is said by the types (`params.kinds`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter

Value = TypeVar("Value")


@lru_cache(maxsize=64)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def dump(model: type[Value], value: Value) -> JsonValue:
    """As JSON keeps it."""
    known: object = model
    found: JsonValue = _adapter(known).dump_python(value, mode="json")
    return found


def load(model: type[Value], kept: JsonValue) -> Value:
    """As it was before it was kept. Raises ValidationError, a ValueError, where another version kept it."""
    known: object = model
    found: Value = _adapter(known).validate_python(kept)
    return found
