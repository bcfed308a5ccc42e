"""What pydantic refused, as the one sentence for the person who wrote it: where, what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=BaseModel)
KINDS: dict[Any, str] = {
    bool: "allowed: true, false",
    str: "allowed: a string",
    tuple: "allowed: a list of strings",
    dict: "allowed: a table of strings",
}


def checked(model: type[Model], given: Mapping[str, Any], where: str) -> Model:
    """`given` as `model`. Raises ImproperlyConfigured with one sentence about the first thing that is wrong.

    `where` is what holds the keys: a place in a file, or "" for variables and settings, which are named alone.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise ImproperlyConfigured(_sentence(error, model, given, where)) from None  # its text repeats secrets


def _sentence(error: ValidationError, model: type[BaseModel], given: Mapping[str, Any], where: str) -> str:
    first = error.errors()[0]
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])  # ours, whole
    if first["type"] == "extra_forbidden":
        return f"{where or 'STREAMGAUGE'} has {key!r}; allowed: {', '.join(sorted(fields))}."
    if first["type"] == "missing":
        return f"{where} has no {key}."
    return f"{where}: {key}".removeprefix(": ") + f" is {_found(key, given[key])}; {_allowed(fields[key])}."


def _found(key: str, value: object) -> str:
    """A URL may be anywhere in what stands in the place of one."""
    hidden = key.lower().endswith("url") and not isinstance(value, int | float | bool | NoneType)
    return f"a {type(value).__name__}" if hidden else repr(value)


def _allowed(field: FieldInfo) -> str:
    kind = get_origin(field.annotation) or field.annotation
    if kind is Literal:
        return f"allowed: {', '.join(get_args(field.annotation))}"
    if kind is int:
        least = next(each.ge for each in field.metadata if hasattr(each, "ge"))
        most = next(each.le for each in field.metadata if hasattr(each, "le"))
        return f"allowed: a whole number from {least} to {most}"
    return KINDS.get(kind, "allowed: a path")
