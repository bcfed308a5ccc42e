"""One plain sentence for a wrong parameter: its name, what was found, what is allowed.

A validator that knows the whole sentence raises BadParameters itself; pydantic lets it pass.
"""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

ABOUT = "about"


def about(words: str) -> PydanticCustomError:
    """An error whose words follow the name of the parameter: "is 5; allowed is ..." or ": why"."""
    return PydanticCustomError(ABOUT, "{text}", {"text": words})


def sentence_of(model: type[BaseModel], error: ValidationError, slug: str) -> str:
    """Of the first error."""
    first = error.errors(include_url=False)[0]
    kind, where = first["type"], [str(part) for part in first["loc"] if isinstance(part, str)]
    name, found = ".".join(where), str(first["input"])[:40]
    if kind == ABOUT:
        text = first["msg"]
        return name + text if text.startswith(":") else f"{name} {text}"
    field = _field(model, where)
    if kind == "missing" and field is not None:
        return f"{name} is missing: {field.description}."
    if kind == "extra_forbidden":
        return _unknown(model, where, slug)
    if kind == "literal_error" and field is not None:
        return f"{name} is {found!r}; allowed: {', '.join(get_args(field.annotation))}."
    return f"{name or 'params'} is {found!r}; {_allowed(first)}."


def _allowed(error: ErrorDetails) -> str:
    if error["type"].startswith("bool"):
        return "allowed: true, false"
    return "allowed: an object" if error["type"].startswith(("model", "dict")) else error["msg"]


def _unknown(model: type[BaseModel], where: list[str], slug: str) -> str:
    name = where[-1][:40]
    if len(where) > 1 and (outer := _model(model, where[:-1])) is not None:
        return f"{'.'.join(where[:-1])} has {name!r}; allowed: {', '.join(sorted(outer.model_fields))}."
    return f"params has {name!r}, which {slug or 'this action'} does not accept here."


def _field(model: type[BaseModel], where: list[str]) -> FieldInfo | None:
    owner = _model(model, where[:-1])
    if owner is None or not where:
        return None
    return next((f for name, f in owner.model_fields.items() if where[-1] in (name, f.alias)), None)


def _model(model: type[BaseModel], where: list[str]) -> type[BaseModel] | None:
    """The model that stands at that place in another."""
    for name in where:
        field = model.model_fields.get(name)
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is None:
            return None
        model = inner
    return model
