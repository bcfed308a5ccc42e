"""The kinds of parameters: each with how it is read, how it is kept, and what the description of the API says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import not_
from typing import Annotated

from django.utils import timezone
from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    ValidationInfo,
)
from pydantic import WithJsonSchema as Schema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dashboard.display.rows import value_json
from dashboard.streams.errors import BadId
from dashboard.streams.id_patterns import BOUND, ENTRY_ID, POSITION, whole
from dashboard.streams.ids import StreamId, parse_position
from dashboard.streams.names import BadName, from_path, to_path
from dashboard.streams.snapshots import Fields
from streams_admin.errors import BadParameters
from streams_admin.params.base import Spelling, spelling_of
from streams_admin.params.fields import FIELDS_MOST, described, fields_in, fields_out, value_of
from streams_admin.params.sentences import about

NAMES = ("group", "to", "consumer", "like")
"""Parameters that name a stream, a group or a consumer; a filter has `consumer` too."""
IDS_MOST = 1000
"""IDs that one plan may name. More are a filter."""
END = "$"
"""The end of a stream, as a position."""
MAX_INTEGER = 10**15
_BASE64 = {
    "type": "object",
    "properties": {
        "base64": {
            "type": "string",
            "contentEncoding": "base64",
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
        }
    },
    "required": ["base64"],
    "additionalProperties": False,
}
VALUE = {"anyOf": [{"type": "string"}, _BASE64]}
"""A value, as JSON Schema."""
NAME = {"anyOf": [{"type": "string", "minLength": 1}, _BASE64]}
"""A name, as JSON Schema: one that is empty is written as base64, so that nobody sends it by mistake."""


def name_of(what: str, given: object) -> bytes:
    """A name in a body: a string, or {"base64": "..."}. Raises BadParameters."""
    try:
        return _value_name(given)
    except PydanticCustomError as error:
        raise BadParameters(f"{what} {error.message()}") from error


def _value_name(given: object) -> bytes:
    found = value_of(given)
    if found is None or given == "":
        wanted = 'a string that is not empty, or {"base64": "..."}'
        raise about(f"is {str(given)[:60]!r}; allowed: {wanted}.")
    return found


def _name(given: object, info: ValidationInfo) -> bytes:
    if isinstance(given, bytes):
        return given
    if spelling_of(info.context) is Spelling.VALUES:
        return _value_name(given)
    try:
        return from_path(str(given))
    except BadName as error:
        raise about(f": {error}") from error


def _path_name(given: object) -> bytes:
    return given if isinstance(given, bytes) else from_path(str(given))


def _name_out(name: bytes, info: SerializationInfo) -> object:
    values = spelling_of(info.context) is Spelling.VALUES
    return value_json(name, limit=len(name)) if values else to_path(name)


def _fields_out(fields: Fields, info: SerializationInfo) -> list[list[object]]:
    return described(fields) if spelling_of(info.context) is Spelling.AUDIT else fields_out(fields)


def _read(how: Callable[[str], StreamId], given: object) -> StreamId:
    if isinstance(given, StreamId):
        return given
    try:
        return how(str(given))
    except BadId as error:
        raise about(f": {error}") from error


def _id(given: object) -> StreamId:
    return _read(StreamId.parse, given)


def _bound(given: object) -> StreamId:
    """Milliseconds alone are the first ID of that moment."""
    return _read(StreamId.bound, given)


def _ids(given: object) -> tuple[StreamId, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise BadParameters("ids must be a list of at least one entry ID.")
    if len(given) > IDS_MOST:
        raise BadParameters(f"ids has {len(given):,} entries; allowed: {IDS_MOST:,}. Use a filter for more.")
    return tuple(sorted({_id(each) for each in given}))


def position_of(given: object) -> str | StreamId:
    """An ID is taken as Redis takes it: the last one that counts as delivered. A time: what was added from then on."""
    if isinstance(given, StreamId):
        return given
    text = str(given).strip()
    if text == END:
        return END
    try:
        return StreamId.bound(text)
    except BadId:
        pass
    try:
        return parse_position(text, now=timezone.localtime()).prev()
    except BadId as error:
        raise about(f": {error} 0 is the start, $ the end.") from error


def _flag(given: object) -> bool:
    if not isinstance(given, bool):
        raise about(f"is {str(given)[:40]!r}; allowed: true, false.")
    return given


@dataclass(frozen=True, slots=True)
class Whole:
    """Marks a whole number from `low` to `high`; true is none."""

    low: int
    high: int = MAX_INTEGER

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        integer = core_schema.int_schema(ge=self.low, le=self.high)
        return core_schema.no_info_before_validator_function(self._check, integer)

    def _check(self, given: object) -> int:
        if isinstance(given, float) and given.is_integer():  # JSON Schema, 6.3: 5.0 is an integer
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int) or not self.low <= given <= self.high:
            raise about(f"is {str(given)[:40]!r}; allowed: a whole number from {self.low} to {self.high}.")
        return given


Name = Annotated[bytes, PlainValidator(_name), PlainSerializer(_name_out), Schema(NAME)]
"""The name of a stream, a group or a consumer."""
PathName = Annotated[bytes, PlainValidator(_path_name), PlainSerializer(to_path, return_type=str)]
"""As Name, in what plans and operations keep: always as a path name, which takes half the time."""
_ID = {**whole(ENTRY_ID), "examples": ["1763596680412-0"]}
EntryId = Annotated[StreamId, PlainValidator(_id), PlainSerializer(str), Schema(_ID)]
LowestId = Annotated[StreamId, PlainValidator(_bound), PlainSerializer(str), Schema(whole(BOUND))]
"""An ID, or milliseconds alone."""
Ids = Annotated[
    tuple[StreamId, ...],
    PlainValidator(_ids),
    PlainSerializer(lambda ids: [str(each) for each in ids]),
    Schema({"type": "array", "items": _ID, "minItems": 1, "maxItems": IDS_MOST}),
]
Position = Annotated[str | StreamId, PlainValidator(position_of), PlainSerializer(str), Schema(whole("[$]", POSITION))]
"""The end ("$"), or the ID behind which a group is delivered what comes."""
_PAIR = {"type": "array", "prefixItems": [VALUE, VALUE], "minItems": 2, "maxItems": 2}
Switch = Annotated[bool, BeforeValidator(_flag)]
Flag = Annotated[bool, BeforeValidator(_flag), Field(exclude_if=not_)]
"""A switch that is kept only where it is on."""
FieldPairs = Annotated[
    Fields,
    PlainValidator(fields_in),
    PlainSerializer(_fields_out),
    Schema({"type": "array", "items": _PAIR, "minItems": 1, "maxItems": FIELDS_MOST}),
]
"""The fields of an entry: [name, value] pairs in their order, names may repeat."""
