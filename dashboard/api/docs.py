"""The API's description as a plain page, made from its own OpenAPI schema: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, a field of a body, or one of an answer."""

    name: str
    place: str
    kind: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Field, ...]
    answer: tuple[Field, ...]


def operations(schema: Schema) -> dict[str, list[Operation]]:
    """All operations by their first tag, in the order of the schema."""
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, details in methods.items():
            tag = next(iter(details.get("tags", ())), "other")
            found.setdefault(tag, []).append(_operation(schema, path, method, details))
    return found


def _operation(schema: Schema, path: str, method: str, details: Schema) -> Operation:
    given = [_parameter(schema, each) for each in details.get("parameters", ())]
    body = _content(details.get("requestBody", {}))
    answer = next((_content(each) for status, each in details["responses"].items() if str(status).startswith("2")), {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=details["summary"],
        description=details.get("description", ""),
        parameters=(*given, *_fields(schema, body, "body")),
        answer=tuple(_fields(schema, _item(schema, answer), "answer")),
    )


def _parameter(schema: Schema, found: Schema) -> Field:
    shape = found.get("schema", {})
    return Field(
        name=found["name"],
        place=found["in"],
        kind=_kind(schema, shape),
        description=found.get("description") or _description(shape),
        required=bool(found.get("required")),
    )


def _content(found: Schema) -> Schema:
    shape: Schema = found.get("content", {}).get("application/json", {}).get("schema", {})
    return shape


def _item(schema: Schema, shape: Schema) -> Schema:
    """What a list is a list of: that is what one wants to know of it."""
    items = _named(schema, shape).get("properties", {}).get("items", {}).get("items")
    return items or shape


def _fields(schema: Schema, shape: Schema, place: str) -> Iterator[Field]:
    found = _named(schema, shape)
    for name, each in found.get("properties", {}).items():
        yield Field(name, place, _kind(schema, each), _description(each), name in found.get("required", ()))


def _named(schema: Schema, shape: Schema) -> Schema:
    """A shape itself, where another place of the schema describes it."""
    name = str(shape.get("$ref", "")).rpartition("/")[2]
    return schema.get("components", {}).get("schemas", {}).get(name, {}) if name else shape


def _kind(schema: Schema, shape: Schema) -> str:
    """A type in a word or two: "integer or null", "one of ok, late", "list of DeliveryItem"."""
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "enum" in shape or "const" in shape:
        return ", ".join(map(str, shape.get("enum", [shape.get("const")])))
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_kind(schema, each) for each in shape["anyOf"]))
    if shape.get("type") == "array":
        return f"list of {_kind(schema, shape.get('items', {}))}"
    return str(shape.get("type", "any"))


def _description(shape: Schema) -> str:
    """Its own words, or those of what it may be besides null."""
    said = [shape.get("description"), *(each.get("description") for each in shape.get("anyOf", ()))]
    return next((text for text in said if text), "")
