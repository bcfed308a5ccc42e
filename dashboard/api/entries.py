"""Entries of a stream, and where one of them is in every group."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard import where
from dashboard.access import Permission, require
from dashboard.api import shapes
from dashboard.api.shapes import (
    LIMIT,
    LIMIT_MOST,
    End,
    EntryId,
    Fields,
    Listing,
    Name,
    Start,
    Value,
    holder,
    id_text,
    iso_id,
    iso_ms,
    listing,
    name,
)
from dashboard.api.weight import told_items
from dashboard.asked import Asked, asked
from dashboard.names import to_path
from dashboard.rows import Sight, sight
from dashboard.streams.ids import MAX, MIN
from dashboard.streams.queries import GROUPS_MAX, EntryQuery, EntryRange, FactsQuery
from dashboard.streams.snapshots import Delivery, Entry, EntryWhereabouts, StreamFacts

router = Router(tags=["entries"])


class EntryItem(BaseModel):
    """An entry. `time` is null for an ID that is no time; `size` is bytes of names and values."""

    id: str
    time: str | None
    fields: Fields
    fields_reason: str = ""
    size: int


class EntryListing(Listing[EntryItem]):
    """`scanned`: how many entries were looked at. `stopped`: why the answer ends before the list does, else ""."""

    scanned: int
    stopped: str


class DeliveryItem(BaseModel):
    """An entry in one group. `settled`: acknowledged, or passed over - Redis cannot tell which."""

    group: Value
    path: str
    state: Literal["undelivered", "pending", "settled"]
    consumer: Value
    idle_ms: int | None
    idle_ms_reason: str = ""
    deliveries: int | None
    deliveries_reason: str = ""


class EntryDetail(BaseModel):
    """An entry and where it is. Its body may be gone while a group still has it pending."""

    id: str
    time: str | None
    body: Literal["present", "gone"]
    fields: Fields
    fields_reason: str = ""
    size: int | None
    size_reason: str = ""
    groups: list[DeliveryItem]
    groups_left_out: int = Field(description="groups that were not looked into for their number")
    older: str | None
    newer: str | None
    as_of: str


class EntriesQuery(shapes.Query):
    start: Start | None = None
    end: End | None = None
    order: Literal["asc", "desc"] = "asc"
    limit: int = Field(LIMIT, ge=1, le=LIMIT_MOST)
    cursor: EntryId | None = None
    where: str = Field("", max_length=500, description="field = value, field != value or field ~ part")


@router.get(
    "/servers/{server}/streams/{name:stream}/entries",
    response=EntryListing,
    exclude_unset=True,
    summary="Entries of a stream",
)
def entries(request: HttpRequest, server: str, stream: Name, query: Query[EntriesQuery]) -> dict[str, Any]:
    """`start` and `end` are inclusive. Large entries make a page shorter than `limit`; `next` goes on."""
    here = asked(request, server, stream)
    seen = sight(here.actor, here.server.name, stream)
    wanted = _range(here, here.read(FactsQuery(stream)), query, seen)
    page = here.read(wanted)
    items, onward = told_items(page, lambda entry: entry_item(entry, seen))
    return {**listing(items, next=id_text(onward)), "scanned": page.scanned, "stopped": page.stopped}


def _range(here: Asked, facts: StreamFacts, query: EntriesQuery, seen: Sight) -> EntryRange:
    """Raises Forbidden for a filter by values the actor may not read: its matches would tell them."""
    newest_first, start, end = query.order == "desc", query.start or MIN, query.end or MAX
    if query.cursor:
        start, end = (start, min(end, query.cursor)) if newest_first else (max(start, query.cursor), end)
    keep = None
    if query.where:
        require(here.actor, Permission.READ_PAYLOAD, here.server.name, facts.key)
        keep = partial(where.parse(query.where).keeps, mask=seen.mask)
    return EntryRange(facts.key, start, end, newest_first, query.limit, keep, facts.first_id)


@router.get(
    "/servers/{server}/streams/{name:stream}/entries/{sid:entry}",
    response=EntryDetail,
    exclude_unset=True,
    summary="One entry, and where it is in every group",
)
def entry(request: HttpRequest, server: str, stream: Name, entry: EntryId) -> dict[str, Any]:
    here = asked(request, server, stream)
    found = here.read(EntryQuery(stream, entry, here.server.capabilities()))
    return _detail(found, sight(here.actor, here.server.name, stream))


def entry_item(entry: Entry, seen: Sight) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "time": iso_id(entry.id),
        **shapes.fields(entry.fields, seen),
        "size": entry.size,
    }


def _detail(found: EntryWhereabouts, seen: Sight) -> dict[str, Any]:
    entry = found.entry
    return {
        "id": str(found.id),
        "time": iso_id(found.id),
        "body": "present" if entry else "gone",
        **shapes.fields(entry.fields if entry else None, seen),
        **shapes.number("size", entry.size if entry else None, "The body is gone."),
        "groups": [_delivery(delivery) for delivery in found.deliveries],
        "groups_left_out": max(0, found.stream.groups - GROUPS_MAX),
        "older": id_text(found.older),
        "newer": id_text(found.newer),
        "as_of": iso_ms(found.now_ms),
    }


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
        **shapes.number(
            "deliveries", pending.deliveries if pending else None, "Redis counts only while it is pending."
        ),
    }
