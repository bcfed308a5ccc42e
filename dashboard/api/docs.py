"""The API's description as a plain page, made from its own OpenAPI schema: no script, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Text = tuple[tuple[bool, str], ...]
"""Words in pieces: whether it is code, and what it says."""
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, a field of a body, or one of an answer."""

    name: str
    place: str
    kind: str
    description: Text
    required: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the bodies that an operation takes: which value of which field tells it apart, and its own fields."""

    name: str
    value: str
    description: Text
    parameters: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    summary: Text
    description: Text
    parameters: tuple[Field, ...]
    variants: tuple[Variant, ...]
    answer: tuple[Field, ...]


def operations(schema: Schema) -> dict[str, list[Operation]]:
    """All operations by their first tag, in the order of the schema."""
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, details in methods.items():
            tag = next(iter(details.get("tags", ())), "other")
            found.setdefault(tag, []).append(_operation(schema, path, method, details))
    return found


def text(said: str) -> Text:
    """A description of the schema, whose `code` stands between backticks."""
    return tuple((at % 2 == 1, piece) for at, piece in enumerate(_CODE.split(said)) if piece)


def _operation(schema: Schema, path: str, method: str, details: Schema) -> Operation:
    given = [_parameter(schema, each) for each in details.get("parameters", ())]
    body = _content(details.get("requestBody", {}))
    shared, variants = _variants(schema, body) if "discriminator" in body else (_fields(schema, body, "body"), ())
    answer = next((_content(each) for status, each in details["responses"].items() if str(status).startswith("2")), {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=text(f"{details['summary']}."),
        description=text(details.get("description", "")),
        parameters=(*given, *shared),
        variants=variants,
        answer=tuple(_fields(schema, answer, "answer")),
    )


def _parameter(schema: Schema, found: Schema) -> Field:
    shape = found.get("schema", {})
    return Field(
        name=found["name"],
        place=found["in"],
        kind=_kind(schema, shape),
        description=text(found.get("description") or _description(shape)),
        required=bool(found.get("required")),
    )


def _content(found: Schema) -> Schema:
    shape: Schema = found.get("content", {}).get("application/json", {}).get("schema", {})
    return shape


def _variants(schema: Schema, body: Schema) -> tuple[list[Field], tuple[Variant, ...]]:
    """Of a body that is told apart by one of its fields: the fields that all variants share, and the variants."""
    mapping, by = body["discriminator"]["mapping"], body["discriminator"]["propertyName"]
    shapes = {value: _named(schema, {"$ref": ref}) for value, ref in mapping.items()}
    fields = {value: list(_fields(schema, shape, "body")) for value, shape in shapes.items()}
    shared = [each for each in next(iter(fields.values())) if all(each in other for other in fields.values())]
    told = text(_description(next(iter(shapes.values()))["properties"][by]))
    variants = (
        Variant(by, value, text(shape.get("description", "")), tuple(_but(fields[value], by, shared)))
        for value, shape in shapes.items()
    )
    return [*shared, Field(by, "body", ", ".join(mapping), told, True)], tuple(variants)


def _but(fields: Iterable[Field], by: str, shared: Container[Field]) -> Iterator[Field]:
    return (each for each in fields if each.name != by and each not in shared)


def _fields(schema: Schema, shape: Schema, place: str, before: str = "") -> Iterator[Field]:
    """The fields of a shape, and below each object or list what it holds: `filter.start`, `items[].id`."""
    found = _named(schema, shape)
    for name, each in found.get("properties", {}).items():
        kind, said = _kind(schema, each), text(_description(each))
        yield Field(f"{before}{name}", place, kind, said, name in found.get("required", ()))
        if "$ref" in each.get("items", {}):
            yield from _fields(schema, each["items"], place, f"{before}{name}[].")
        elif _named(schema, each) is not each:
            yield from _fields(schema, each, place, f"{before}{name}.")


def _named(schema: Schema, shape: Schema) -> Schema:
    """A shape itself, where another place of the schema describes it; an optional one without its null."""
    inner = (*shape.get("anyOf", ()), *shape.get("allOf", ()))
    named = next((each for each in inner if "$ref" in each), shape)
    name = str(named.get("$ref", "")).rpartition("/")[2]
    found: Schema = schema.get("components", {}).get("schemas", {}).get(name, {}) if name else shape
    return found


def _kind(schema: Schema, shape: Schema) -> str:
    """A type in a word or two: "integer or null", "ok, late", "list of objects"."""
    if "$ref" in shape or "allOf" in shape:
        return "object"
    if "enum" in shape or "const" in shape:
        return ", ".join(map(str, shape.get("enum", [shape.get("const")])))
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_kind(schema, each) for each in shape["anyOf"]))
    if shape.get("type") == "array":
        return f"list of {_kind(schema, shape.get('items', {}))}s"
    return str(shape.get("type", "any"))


def _description(shape: Schema) -> str:
    """Its own words, or those of what it may be besides null."""
    said = [shape.get("description"), *(each.get("description") for each in shape.get("anyOf", ()))]
    return next((text for text in said if text), "")
