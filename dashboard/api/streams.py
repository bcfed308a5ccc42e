"""Streams: all of a server from the fleet's last look, one of them read now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard.api.paging import Place, in_places, part_of, unique
from dashboard.api.shapes import (
    AsOf,
    AtLeast,
    Estimate,
    FleetListing,
    Judged,
    Large,
    Name,
    OldestPending,
    PageQuery,
    PathName,
    Reason,
    ServerName,
    Value,
    figure,
    fleet_listing,
    id_text,
    iso_ms,
    name,
    number,
)
from dashboard.fleet.store import RANK, StreamState, freshen, matches, once, visible
from dashboard.http.answers import can_answer
from dashboard.http.scope import scope_of
from dashboard.streams.figures import Figure
from dashboard.streams.ids import MIN, StreamId
from dashboard.streams.names import to_path
from dashboard.streams.queries import StreamQuery
from dashboard.streams.snapshots import StreamFacts, StreamOverview

router = Router(tags=["streams"], exclude_unset=True)

TWO_LOOKS = "The rate is known after two rounds."
NOT_COUNTED = "This server does not count added entries; Redis 7.0 and newer do."


class StreamItem(BaseModel):
    """A stream."""

    name: Value = Field(description="its key")
    path: PathName
    length: int = Field(description="number of entries")
    groups: int = Field(description="number of groups")
    pending: int | None = Field(description="pending entries of all groups")
    pending_reason: Reason = ""
    pending_at_least: AtLeast = False
    lag: Large | None = Field(description="undelivered entries of the group that has the most")
    lag_reason: Reason = ""
    lag_at_least: AtLeast = False
    lag_approximate: Estimate = False
    last_id: str | None = Field(description="ID of the newest entry; null if the stream is empty")
    in_rate: float | None = Field(description="entries added per second, recently")
    in_rate_reason: Reason = ""
    oldest_pending_ms: OldestPending
    oldest_pending_ms_reason: Reason = ""
    oldest_pending_ms_at_least: AtLeast = False
    health: Judged


class StreamDetail(StreamItem):
    """A stream as it is now; `in_rate` and `health` are those of the last look at the fleet."""

    first_id: str | None = Field(description="ID of the oldest entry; null if the stream is empty")
    last_generated_id: str = Field(description="the highest ID it ever had")
    max_deleted_id: str | None = Field(
        description="the highest deleted ID; null if none was deleted, or the server does not report it"
    )
    memory_bytes: int | None = Field(description="memory it uses")
    memory_bytes_reason: Reason = ""
    memory_bytes_approximate: Estimate = False
    entries_added: Large | None = Field(description="entries ever added")
    entries_added_reason: Reason = ""
    as_of: AsOf


Rank = tuple[float, ...] | None


def _id_rank(id_: StreamId | None) -> Rank:
    return (id_.ms, id_.seq) if id_ else None


def _number_rank(value: float | None) -> Rank:
    return None if value is None else (value,)


RANKS: dict[str, Callable[[StreamState], Rank]] = {
    "name": lambda s: (),
    "length": lambda s: (s.sample.facts.length,),
    "groups": lambda s: (s.sample.facts.groups,),
    "pending": lambda s: _number_rank(s.pending.value),
    "lag": lambda s: _number_rank(s.lag.value),
    "last_id": lambda s: _id_rank(s.sample.facts.last_id),
    "in_rate": lambda s: _number_rank(s.in_rate),
    "oldest_pending_ms": lambda s: _number_rank(s.oldest_pending_ms),
    "health": lambda s: (RANK[s.health],),
}
Sort = Literal[
    "name", "length", "groups", "pending", "lag", "last_id", "in_rate", "oldest_pending_ms", "health",
    "-name", "-length", "-groups", "-pending", "-lag", "-last_id", "-in_rate", "-oldest_pending_ms", "-health",
]  # fmt: skip


class StreamsQuery(PageQuery):
    search: str = Field("", max_length=200, description="part of the name, or a pattern for all of it with * and ?")
    sort: Sort = Field("name", description="a - in front reverses it; health starts with stuck; unknown comes last")


@router.get(
    "/servers/{server}/streams",
    response=FleetListing[StreamItem],
    openapi_extra=can_answer(404),
    summary="The streams of a server",
)
def streams(request: HttpRequest, server: ServerName, query: Query[StreamsQuery]) -> dict[str, Any]:
    """From the last look at the server. `complete` is false while it does not answer, or was not looked through yet."""
    here = scope_of(request, server)
    snapshot = freshen(here.server)
    reverse = query.sort == "-name"
    placed = once(
        here.principal,
        snapshot,
        f"api {query.sort}",
        lambda: in_places(visible(here.principal, snapshot), _place(query.sort), reverse=reverse),
    )
    if query.search:
        placed = [(at, state) for at, state in placed if matches(state.key, query.search)]
    found, onward = part_of(placed, cursor=query.cursor, limit=query.limit, reverse=reverse)
    return fleet_listing([_sampled(state) for state in found], [snapshot], next=onward)


@router.get(
    "/servers/{server}/streams/{name:stream}",
    response=StreamDetail,
    openapi_extra=can_answer(404, 409, 503),
    summary="One stream, read now",
)
def stream(request: HttpRequest, server: ServerName, stream: Name) -> dict[str, Any]:
    here = scope_of(request, server, stream)
    overview = here.read(StreamQuery(stream, here.server.capabilities(), memory=True))
    return _detail(overview, freshen(here.server).streams.get(stream))


def _place(sort: str) -> Callable[[StreamState], Place]:
    rank, sign = RANKS[sort.lstrip("-")], -1 if sort.startswith("-") else 1

    def place(state: StreamState) -> Place:
        found = rank(state)
        return ((1,) if found is None else (0, *(sign * each for each in found))), unique(state.key)

    return place


def _sampled(state: StreamState) -> dict[str, Any]:
    return _item(state.sample.facts, state.pending, state.lag, state.oldest_pending, state)


def _detail(overview: StreamOverview, state: StreamState | None) -> dict[str, Any]:
    facts = overview.facts
    return {
        **_item(facts, overview.pending, overview.lag, overview.oldest_pending, state),
        "first_id": id_text(facts.first_id),
        "last_generated_id": str(facts.last_generated_id),
        "max_deleted_id": id_text(facts.max_deleted_id) if facts.max_deleted_id != MIN else None,
        **figure("memory_bytes", facts.memory),
        **number("entries_added", facts.entries_added, NOT_COUNTED),
        "as_of": iso_ms(overview.now_ms),
    }


def _item(
    facts: StreamFacts, pending: Figure, lag: Figure, oldest_ms: Figure, state: StreamState | None
) -> dict[str, Any]:
    return {
        "name": name(facts.key),
        "path": to_path(facts.key),
        "length": facts.length,
        "groups": facts.groups,
        **figure("pending", pending),
        **figure("lag", lag),
        "last_id": id_text(facts.last_id),
        **number(
            "in_rate", state.in_rate if state else None, NOT_COUNTED if facts.entries_added is None else TWO_LOOKS
        ),
        **figure("oldest_pending_ms", oldest_ms),
        "health": state.health if state else "unknown",
    }
