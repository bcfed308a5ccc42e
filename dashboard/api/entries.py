"""Entries of a stream, and where one of them is in every group."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard import filters
from dashboard.accounts.access import require
from dashboard.accounts.permissions import Permission
from dashboard.api import shapes
from dashboard.api.shapes import (
    LIMIT,
    Added,
    AsOf,
    End,
    EntryId,
    Fields,
    Idle,
    IdText,
    Large,
    Limit,
    Listing,
    Name,
    NoPayloads,
    OptionalValue,
    PathName,
    Reason,
    Scanned,
    ServerName,
    Start,
    Stopped,
    Value,
    Where,
    holder,
    id_text,
    iso_id,
    iso_ms,
    listing,
    name,
)
from dashboard.api.weight import fitting_items
from dashboard.display.rows import Sight, sight
from dashboard.http import params
from dashboard.http.answers import can_answer
from dashboard.http.scope import RequestScope, scope_of
from dashboard.streams.ids import MAX, MIN
from dashboard.streams.names import to_path
from dashboard.streams.queries import DETAIL_MAX, EntryQuery, EntryRange, FactsQuery
from dashboard.streams.snapshots import Delivery, Entry, EntryWhereabouts, StreamFacts

router = Router(tags=["entries"], exclude_unset=True)


class EntryItem(BaseModel):
    """An entry."""

    id: IdText
    time: Added
    fields: Fields
    fields_reason: NoPayloads = ""
    size: int = Field(description="bytes of its field names and values, without those that are masked")


class EntryListing(Listing[EntryItem]):
    """Entries."""

    scanned: Scanned
    stopped: Stopped


class DeliveryItem(BaseModel):
    """An entry in one group."""

    group: Value = Field(description="the group")
    path: PathName
    state: Literal["undelivered", "pending", "settled"] = Field(
        description="`settled`: acknowledged, or skipped; Redis cannot tell which"
    )
    consumer: OptionalValue = Field(description="the consumer that holds it; null if none does")
    idle_ms: Idle
    idle_ms_reason: Reason = ""
    deliveries: Large | None = Field(description="how often it was delivered; Redis counts only while it is pending")
    deliveries_reason: Reason = ""


class EntryDetail(BaseModel):
    """An entry and where it is. Its body may be gone while a group still has it pending."""

    id: IdText
    time: Added
    body: Literal["present", "gone"] = Field(description="`gone`: trimmed or deleted")
    fields: Fields
    fields_reason: NoPayloads = ""
    size: int | None = Field(description="bytes of its field names and values, without those that are masked")
    size_reason: Reason = ""
    groups: list[DeliveryItem] = Field(description="its state in each group")
    groups_left_out: int = Field(description="how many more groups were not checked")
    older: str | None = Field(description="ID of the previous entry; null if there is none")
    newer: str | None = Field(description="ID of the next entry; null if there is none")
    as_of: AsOf


class EntriesQuery(shapes.Query):
    start: Start | None = Field(None, description="start here: an ID, or a time like 14:05, yesterday 09:00, -2h")
    end: End | None = Field(None, description="end here, inclusive: an ID, or a time as for `start`")
    order: Literal["asc", "desc"] = Field("asc", description="`desc`: newest first")
    limit: Limit = LIMIT
    cursor: EntryId | None = Field(None, description="`next` of the previous page")
    where: Where = ""


@router.get(
    "/servers/{server}/streams/{name:stream}/entries",
    response=EntryListing,
    openapi_extra=can_answer(404, 409, 503),
    summary="Entries of a stream",
)
def entries(request: HttpRequest, server: ServerName, stream: Name, query: Query[EntriesQuery]) -> dict[str, Any]:
    """`start` and `end` are inclusive. Large entries make a page shorter than `limit`; `next` goes on.

    A time is an error where the IDs of the stream are not times in milliseconds.
    """
    here = scope_of(request, server, stream)
    seen = sight(here.principal, here.server.name, stream)
    facts = here.read(FactsQuery(stream))
    params.check_times(request.GET, ("start", "end"), facts)
    page = here.read(_range(here, facts, query, seen))
    items, onward = fitting_items(page, lambda entry: entry_item(entry, seen))
    return {**listing(items, next=id_text(onward)), "scanned": page.scanned, "stopped": seen.stopped(page)}


def _range(here: RequestScope, facts: StreamFacts, query: EntriesQuery, seen: Sight) -> EntryRange:
    """Raises Forbidden for a filter by values the principal may not read: its matches would tell them."""
    newest_first, start, end = query.order == "desc", query.start or MIN, query.end or MAX
    if query.cursor:
        start, end = (start, min(end, query.cursor)) if newest_first else (max(start, query.cursor), end)
    keep = None
    if query.where:
        require(here.principal, Permission.READ_PAYLOAD, here.server.name, facts.key)
        wanted = filters.parse_for(query.where, facts)
        keep, start, end = partial(wanted.keeps, mask=seen.mask), *wanted.within(start, end)
    return EntryRange(facts.key, start, end, newest_first, query.limit, keep, facts.first_id)


@router.get(
    "/servers/{server}/streams/{name:stream}/entries/{sid:entry}",
    response=EntryDetail,
    openapi_extra=can_answer(404, 409, 503),
    summary="One entry and its state in every group",
)
def entry(request: HttpRequest, server: ServerName, stream: Name, entry: EntryId) -> dict[str, Any]:
    here = scope_of(request, server, stream)
    found = here.read(EntryQuery(stream, entry, here.server.capabilities()))
    return _detail(found, sight(here.principal, here.server.name, stream))


def entry_item(entry: Entry, seen: Sight) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "time": iso_id(entry.id),
        **shapes.fields(entry.fields, seen),
        "size": seen.size(entry.fields),
    }


def _detail(found: EntryWhereabouts, seen: Sight) -> dict[str, Any]:
    entry = found.entry
    return {
        "id": str(found.id),
        "time": iso_id(found.id),
        "body": "present" if entry else "gone",
        **shapes.fields(entry.fields if entry else None, seen),
        **shapes.number("size", seen.size(entry.fields) if entry else None, "The entry was trimmed or deleted."),
        "groups": [_delivery(delivery) for delivery in found.deliveries],
        "groups_left_out": max(0, found.stream.groups - DETAIL_MAX),
        "older": id_text(found.older),
        "newer": id_text(found.newer),
        "as_of": iso_ms(found.now_ms),
    }


NOT_PENDING = "Redis counts only while it is pending."


def _delivery(delivery: Delivery) -> dict[str, Any]:
    pending = delivery.pending
    where_held = (
        holder(pending) if pending else {"consumer": None, **shapes.number("idle_ms", None, "It is not pending.")}
    )
    return {
        "group": name(delivery.group),
        "path": to_path(delivery.group),
        "state": delivery.state,
        **where_held,
        **(shapes.deliveries(pending) if pending else shapes.number("deliveries", None, NOT_PENDING)),
    }
