"""Groups of a stream: who reads in them, and what is pending."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard import filters
from dashboard.accounts.access import require
from dashboard.accounts.permissions import Permission
from dashboard.api import shapes
from dashboard.api.paging import Place, part, unique
from dashboard.api.shapes import (
    LIMIT,
    Added,
    AsOf,
    EntryId,
    Estimate,
    HeldItem,
    Judged,
    Lag,
    Large,
    Limit,
    Listing,
    Name,
    OldestPending,
    PageQuery,
    PathName,
    Pending,
    Reason,
    Scanned,
    ServerName,
    Stopped,
    Value,
    Where,
    deliveries,
    figure,
    holder,
    id_text,
    iso_id,
    iso_ms,
    listing,
    name,
    number,
)
from dashboard.api.weight import fitting_items
from dashboard.display.rows import Sight, sight
from dashboard.fleet.store import ConsumerState, Judge, StreamState, freshen
from dashboard.http.answers import can_answer
from dashboard.http.params import BadParameter
from dashboard.http.scope import RequestScope, scope_of
from dashboard.streams.id_units import id_times, why_no_ages
from dashboard.streams.ids import MIN, TOP, StreamId
from dashboard.streams.names import to_path
from dashboard.streams.queries import FactsQuery, GroupQuery, GroupsDetail, PendingQuery, StreamQuery
from dashboard.streams.snapshots import ConsumerFacts, GroupFacts, PendingEntry

router = Router(tags=["groups"], exclude_unset=True)
STREAM = "/servers/{server}/streams/{name:stream}"

LOST_COUNT = "Redis does not know: the group's position was changed, or the server does not count (before Redis 7.0)."
NOT_TOLD = "This server does not report it; Redis 7.2 and newer do."


class GroupItem(BaseModel):
    """A group. `health` is that of the last look at the server, everything else is read now."""

    name: Value = Field(description="its name")
    path: PathName
    consumers: int = Field(description="number of consumers")
    pending: Pending
    lag: Lag
    lag_reason: Reason = ""
    lag_approximate: Estimate = False
    entries_read: Large | None = Field(description="entries delivered to it, as counted by the server")
    entries_read_reason: Reason = ""
    last_delivered_id: str = Field(description="its position: ID of the last delivered entry")
    oldest_pending_ms: OldestPending
    oldest_pending_ms_reason: Reason = ""
    health: Judged


class GroupDetail(GroupItem):
    """A group, and between which IDs its pending entries lie."""

    pending_min_id: str | None = Field(description="the lowest pending ID; null if nothing is pending")
    pending_max_id: str | None = Field(description="the highest pending ID; null if nothing is pending")
    as_of: AsOf


class ConsumerItem(BaseModel):
    """A consumer."""

    name: Value = Field(description="its name")
    path: PathName
    pending: int = Field(description="pending entries it holds")
    idle_ms: int = Field(description="milliseconds since it last tried to read or claim")
    inactive_ms: int | None = Field(description="milliseconds since it last received an entry")
    inactive_ms_reason: Reason = ""
    state: ConsumerState = Field(
        description="`silent`: holds entries and does nothing; `gone`: long absent, holds nothing"
    )


class PendingItem(HeldItem):
    """A pending entry."""

    time: Added


class PendingListing(Listing[PendingItem]):
    """Pending entries."""

    scanned: Scanned
    stopped: Stopped


class PendingParameters(shapes.Query):
    consumer: Name | None = Field(None, description="only entries of this consumer: its path name")
    min_idle_ms: int = Field(0, ge=0, le=10**15, description="only entries last delivered at least this many ms ago")
    min_age_ms: int = Field(
        0,
        ge=0,
        le=10**15,
        description="only entries added at least this many ms ago, by their IDs; an error where IDs are not times",
    )
    min_deliveries: int = Field(0, ge=0, le=10**15, description="only entries delivered at least this many times")
    where: Where = ""
    limit: Limit = LIMIT
    cursor: EntryId | None = Field(None, description="`next` of the previous page")


@router.get(
    f"{STREAM}/groups",
    response=Listing[GroupItem],
    openapi_extra=can_answer(404, 409, 503),
    summary="The groups of a stream",
)
def groups(request: HttpRequest, server: ServerName, stream: Name, query: Query[PageQuery]) -> dict[str, Any]:
    """By name. Every group can be reached with `next`, however many there are."""
    here = scope_of(request, server, stream)
    overview = here.read(StreamQuery(stream, here.server.capabilities(), oldest=False))
    found, onward = part(overview.groups, _by_name, cursor=query.cursor, limit=query.limit)
    detailed = here.read(GroupsDetail(stream, replace(overview, groups=tuple(found))))
    state = freshen(here.server).streams.get(stream)
    items = [_item(group, overview.now_ms, state) for group in detailed.groups]
    return listing(items, next=onward, as_of=iso_ms(overview.now_ms), reason=overview.left_out)


@router.get(
    f"{STREAM}/groups/{{name:group}}",
    response=GroupDetail,
    openapi_extra=can_answer(404, 409, 503),
    summary="One group, read now",
)
def group(request: HttpRequest, server: ServerName, stream: Name, group: Name) -> dict[str, Any]:
    here = scope_of(request, server, stream)
    overview = here.read(GroupQuery(stream, group, here.server.capabilities()))
    return {
        **_item(overview.group, overview.now_ms, freshen(here.server).streams.get(stream)),
        "pending_min_id": id_text(overview.pending.min_id),
        "pending_max_id": id_text(overview.pending.max_id),
        "as_of": iso_ms(overview.now_ms),
    }


@router.get(
    f"{STREAM}/groups/{{name:group}}/consumers",
    response=Listing[ConsumerItem],
    openapi_extra=can_answer(404, 409, 503),
    summary="The consumers of a group",
)
def consumers(
    request: HttpRequest, server: ServerName, stream: Name, group: Name, query: Query[PageQuery]
) -> dict[str, Any]:
    """Those that hold most come first."""
    here = scope_of(request, server, stream)
    overview = here.read(GroupQuery(stream, group, here.server.capabilities()))
    found, onward = part(overview.consumers, _place, cursor=query.cursor, limit=query.limit)
    judge = Judge(here.server, overview, freshen(here.server).streams.get(stream))
    return listing([_consumer(facts, judge) for facts in found], next=onward, as_of=iso_ms(overview.now_ms))


@router.get(
    f"{STREAM}/groups/{{name:group}}/pending",
    response=PendingListing,
    openapi_extra=can_answer(404, 409, 503),
    summary="The pending entries of a group",
)
def pending(
    request: HttpRequest, server: ServerName, stream: Name, group: Name, query: Query[PendingParameters]
) -> dict[str, Any]:
    """In the order of their IDs. Large entries make a page shorter than `limit`; `next` goes on.

    `where` looks into the payloads of at most 500 entries a page. One whose body is gone matches nothing.
    """
    here = scope_of(request, server, stream)
    seen = sight(here.principal, here.server.name, stream)
    wanted = PendingQuery(
        stream,
        group,
        start=query.cursor or MIN,
        consumer=query.consumer,
        min_idle_ms=query.min_idle_ms,
        min_deliveries=query.min_deliveries,
        limit=query.limit,
    )
    if query.min_age_ms:
        wanted = _of_age(here, wanted, query.min_age_ms)
    page = here.read(_filtered(here, wanted, query.where, seen) if query.where else wanted)
    items, onward = fitting_items(page, lambda entry: _pending(entry, seen))
    return {**listing(items, next=id_text(onward)), "scanned": page.scanned, "stopped": seen.stopped(page)}


def _of_age(here: RequestScope, wanted: PendingQuery, min_age_ms: int) -> PendingQuery:
    """By the server's clock. Raises BadParameter where the IDs of the stream tell no age."""
    overview = here.read(StreamQuery(wanted.key, here.server.capabilities(), oldest=False))
    until = max(0, overview.now_ms - min_age_ms)
    times = id_times(overview.facts)
    if not times.ages:
        same = f" Instead, where=id <= {times.unit.at(until).ms} is that age." if times.unit else ""
        raise BadParameter("min_age_ms", f"min_age_ms: {why_no_ages(overview.facts, times)}{same}")
    return replace(wanted, end=StreamId(until, TOP))


def _filtered(here: RequestScope, wanted: PendingQuery, where: str, seen: Sight) -> PendingQuery:
    """Raises Forbidden for a filter by values the principal may not read: its matches would tell them."""
    require(here.principal, Permission.READ_PAYLOAD, here.server.name, wanted.key)
    found = filters.parse(where)
    if found.times:
        filters.check_times(found, where, here.read(FactsQuery(wanted.key)))
    start, end = found.within(wanted.start, wanted.end)
    return replace(wanted, start=start, end=end, keep=partial(found.keeps, mask=seen.mask))


def _item(group: GroupFacts, now_ms: int, state: StreamState | None) -> dict[str, Any]:
    return {
        "name": name(group.name),
        "path": to_path(group.name),
        "consumers": group.consumers,
        "pending": group.pending,
        **figure("lag", group.lag),
        **number("entries_read", group.entries_read, LOST_COUNT),
        "last_delivered_id": str(group.last_delivered_id),
        **figure("oldest_pending_ms", group.oldest_added(now_ms)),
        "health": state.group_health(group.name) if state else "unknown",
    }


def _by_name(group: GroupFacts) -> Place:
    return (), unique(group.name)


def _place(consumer: ConsumerFacts) -> Place:
    return (-consumer.pending,), unique(consumer.name)


def _consumer(facts: ConsumerFacts, judge: Judge) -> dict[str, Any]:
    got_any = facts.inactive_ms is not None and facts.inactive_ms >= 0
    why_not = NOT_TOLD if facts.inactive_ms is None else "It has never received an entry."
    return {
        "name": name(facts.name),
        "path": to_path(facts.name),
        "pending": facts.pending,
        "idle_ms": facts.idle_ms,
        **number("inactive_ms", facts.inactive_ms if got_any else None, why_not),
        "state": judge.state(facts)[0],
    }


def _pending(entry: PendingEntry, seen: Sight) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "time": iso_id(entry.id),
        **holder(entry),
        **deliveries(entry),
        **shapes.fields(entry.fields if entry.body == "present" else None, seen),
        "body": entry.body,
    }
