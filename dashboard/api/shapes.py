"""How names, IDs, values, numbers and lists look in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from django.utils import timezone
from pydantic import AfterValidator, BaseModel, Field, PlainValidator, WithJsonSchema, model_validator

from dashboard.api.paging import CURSOR, CURSOR_MOST
from dashboard.api.weight import fitting
from dashboard.display.format import iso, moment
from dashboard.display.rows import NO_PAYLOADS, Sight, value_json
from dashboard.filters import EXAMPLES, MAX_LENGTH
from dashboard.fleet.store import ServerSnapshot
from dashboard.streams import names
from dashboard.streams.id_patterns import ENTRY_ID, POSITION, whole
from dashboard.streams.ids import StreamId, parse_position
from dashboard.streams.snapshots import Fields as RawFields
from dashboard.streams.snapshots import Figure, PendingEntry

LIMIT = 100
LIMIT_MOST = 500

Health = Literal["ok", "late", "stuck", "unknown"]
T = TypeVar("T")


def _name(given: str | bytes) -> bytes:
    return given if isinstance(given, bytes) else names.from_path(given)


def _entry_id(given: str | StreamId) -> StreamId:
    return given if isinstance(given, StreamId) else StreamId.parse(given)


def _start(given: str) -> StreamId:
    return parse_position(given, now=timezone.localtime())


def _end(given: str) -> StreamId:
    return parse_position(given, now=timezone.localtime(), upper=True)


def _text(description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description})


Name = Annotated[
    bytes,
    PlainValidator(_name),
    WithJsonSchema(
        {
            **whole(names.PATTERN),
            "description": "a path name: every byte other than A-Za-z0-9_.:- is written as ~ and two hex digits",
        }
    ),
]
EntryId = Annotated[
    StreamId,
    PlainValidator(_entry_id),
    WithJsonSchema({**whole(ENTRY_ID), "description": "an entry's ID, like 1763596680412-0"}),
]
_POSITION = WithJsonSchema(
    {**whole(POSITION), "description": "an ID, or a time like 14:05, yesterday 09:00, -2h, 2026-11-20T14:05"}
)
Start = Annotated[StreamId, PlainValidator(_start), _POSITION]
End = Annotated[StreamId, PlainValidator(_end), _POSITION]
_VALUE = {
    "description": "a string if it is UTF-8, else base64; a truncated one has its full length in bytes",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"text": {"type": "string"}, "base64": {"type": "string"}, "bytes": {"type": "integer"}},
        },
    ],
}
_PAIRS = {"type": "array", "items": {"type": "array", "prefixItems": [_VALUE, _VALUE]}}
# Any: made here and checked by tests; a page of payloads is not worth a second look at every byte.
Value = Annotated[Any, WithJsonSchema(_VALUE)]
OptionalValue = Annotated[Any, WithJsonSchema({**_VALUE, "anyOf": [*_VALUE["anyOf"], {"type": "null"}]})]
EXACT = 2**53 - 1
"""The largest integer that every JSON parser keeps."""
_DIGITS = {"type": "string", "pattern": "^-?[0-9]{16,20}$", "description": "a number beyond 2^53"}
Large = Annotated[int | str, WithJsonSchema({"anyOf": [{"type": "integer"}, _DIGITS]})]
"""A whole number of Redis, which may have 64 bits."""
Fields = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [_PAIRS, {"type": "null"}],
            "description": "name and value pairs, in order, names may repeat; null if the entry was trimmed or deleted",
        }
    ),
]

# What many answers say. Each has its description once, here.
ServerName = Annotated[str, _text("a server's name in the configuration")]
PathName = Annotated[str, Field(description="the name as used in URLs: a path name")]
Reason = Annotated[str, Field(description="why the number is null or a lower bound; only present then")]
NoPayloads = Annotated[str, Field(description="only present if you may not read payloads")]
Estimate = Annotated[bool, Field(description="true if the number is an estimate; only present then")]
AtLeast = Annotated[bool, Field(description="true if the number is a lower bound; only present then")]
IdText = Annotated[str, Field(description="the entry's ID")]
Added = Annotated[str | None, Field(description="when it was added, according to its ID; null if the ID is not a time")]
AsOf = Annotated[str, Field(description="the time of the data: ISO 8601 in UTC")]
Pending = Annotated[int, Field(description="entries delivered and not acknowledged")]
Lag = Annotated[Large | None, Field(description="entries not delivered yet")]
OldestPending = Annotated[int | None, Field(description="milliseconds since the oldest pending entry was added")]
Judged = Annotated[Health, Field(description="the worst finding of the last round")]
Idle = Annotated[int | None, Field(description="milliseconds since its last delivery")]
Deliveries = Annotated[
    Large | None, Field(description="how often it was delivered; null if a consumer gave it up permanently (fatal)")
]
Limit = Annotated[int, Field(ge=1, le=LIMIT_MOST, description="maximum number of items")]
Where = Annotated[
    str, Field(max_length=MAX_LENGTH, description=f"a filter: {EXAMPLES}", json_schema_extra={"format": "filter"})
]
"""What no regular expression describes is a format of its own: docs/filter.md."""
Scanned = Annotated[int, Field(description="number of entries scanned")]
Stopped = Annotated[str, Field(description="why the list ends early, in a sentence; otherwise empty")]


def without_zero(text: str) -> str:
    """Raises ValueError: PostgreSQL keeps no zero byte, and cannot look for one."""
    if "\0" in text:
        raise ValueError("has a zero byte (\\u0000), which is not allowed here.")
    return text


Text = Annotated[str, AfterValidator(without_zero), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})]
"""Text that is kept in the database, or looked for there."""


class HeldItem(BaseModel):
    """A pending entry as every list of them tells it."""

    id: IdText
    consumer: OptionalValue = Field(description="the consumer that holds it; null if it was released")
    idle_ms: Idle
    idle_ms_reason: Reason = ""
    deliveries: Deliveries
    deliveries_reason: Reason = ""
    fields: Fields
    fields_reason: NoPayloads = ""
    body: Literal["present", "gone", "unread"] = Field(description="`unread` if the server denies reading it")


class Query(BaseModel):
    """Query parameters. One that is there and empty counts as not given."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value != ""}


class PageQuery(Query):
    """Which part of a list."""

    limit: Limit = LIMIT
    cursor: Annotated[str, WithJsonSchema({"type": "string", "pattern": CURSOR, "maxLength": CURSOR_MOST})] = Field(
        "", max_length=CURSOR_MOST, description="`next` of the previous page"
    )


class Listing(BaseModel, Generic[T]):
    """Part of a list."""

    items: list[T] = Field(description="the items of this page")
    next: str | None = Field(description="pass it as `cursor` for the next page; null on the last page")
    as_of: AsOf
    complete: bool = Field(description="true if `items` has everything from here on")
    complete_reason: str = Field("", description="why it is not; only present then")


class FleetListing(Listing[T], Generic[T]):
    """From the last look at the fleet."""

    error: str = Field("", description="which servers could not be read completely, and why; only present then")


def listing(
    items: list[dict[str, Any]], *, next: str | None = None, as_of: str | None = None, reason: str = ""
) -> dict[str, Any]:
    """A Listing. `reason`: why the source does not cover everything; an answer with a `next` does not either."""
    reason = reason or ("" if next is None else "There is more: pass `next` as `cursor`.")
    found = {"items": items, "next": next, "as_of": as_of or iso(timezone.now()), "complete": not reason}
    return {**found, "complete_reason": reason} if reason else found


def fleet_listing(
    items: list[dict[str, Any]],
    snapshots: Sequence[ServerSnapshot],
    *,
    next: str | None,
) -> dict[str, Any]:
    """A FleetListing: as old as the oldest look, complete when every server was looked through and answers still."""
    times = [snapshot.at for snapshot in snapshots if snapshot.at]
    troubles = [(snapshot.name, snapshot.error or snapshot.gaps) for snapshot in snapshots]
    errors = [f"{name}: {trouble}" for name, trouble in troubles if trouble]
    reason = " ".join(f"{snapshot.name}: {snapshot.unread}" for snapshot in snapshots if snapshot.unread)
    as_of = iso_ms(int(min(times) * 1000)) if times else None
    found = listing(items, next=next, as_of=as_of, reason=reason)
    return {**found, "error": " ".join(errors)} if errors else found


def number(name: str, value: float | None, reason: str) -> dict[str, Any]:
    """A number under its name; null has the reason beside it."""
    return {name: exact(value)} if value is not None else {name: None, f"{name}_reason": reason}


def exact(value: float) -> float | str:
    """A number as it travels: a string of digits where a JSON parser could round it."""
    return str(value) if isinstance(value, int) and abs(value) > EXACT else value


def figure(name: str, value: Figure) -> dict[str, Any]:
    """As `number`; an estimate has `<name>_approximate` beside it, a lower bound `<name>_at_least` and the reason."""
    found = number(name, value.value, value.reason)
    if value.approximate:
        found[f"{name}_approximate"] = True
    if value.at_least:
        found[f"{name}_at_least"] = True
        if value.reason:
            found[f"{name}_reason"] = value.reason
    return found


def fields(found: RawFields | None, seen: Sight) -> dict[str, Any]:
    """`fields` as [name, value] pairs; null where there is no body, or with the reason where it may not be read."""
    if not seen.may_read:
        return {"fields": None, "fields_reason": NO_PAYLOADS}
    return {"fields": None} if found is None else fitting(found, seen)


def name(found: bytes) -> Any:
    """A key, group or consumer: never cut."""
    return value_json(found, limit=len(found))


def holder(entry: PendingEntry) -> dict[str, Any]:
    """Who has a pending entry, and for how long: nobody since it was released (idle -1)."""
    released = entry.idle_ms < 0
    idle = number("idle_ms", None if released else entry.idle_ms, "It was released: no consumer holds it.")
    return {"consumer": None if released else name(entry.consumer), **idle}


def deliveries(entry: PendingEntry) -> dict[str, Any]:
    """How often it was delivered: no number where a consumer marked it fatal (XNACK FATAL)."""
    return number("deliveries", None if entry.fatal else entry.deliveries, "fatal: a consumer gave it up permanently.")


def id_text(id_: StreamId | None) -> str | None:
    return str(id_) if id_ else None


def iso_ms(epoch_ms: int | None) -> str | None:
    return iso(moment(epoch_ms))


def iso_id(id_: StreamId) -> str | None:
    """When an entry was added; null for an ID that is no time."""
    return iso(id_.time())
