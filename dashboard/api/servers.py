"""The servers that are watched."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, Field

from dashboard.accounts.access import visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.api.shapes import Large, Listing, Reason, ServerName, exact, iso_ms, listing, number
from dashboard.config.active import configured
from dashboard.fleet.store import ServerSnapshot, freshen
from dashboard.http.answers import can_answer
from dashboard.http.scope import scope_of
from dashboard.streams.links import Server
from dashboard.streams.queries.server import ServerFigures
from dashboard.streams.snapshots import Role, Topology

router = Router(tags=["servers"], exclude_unset=True)
NOT_TOLD = "The server does not report it (INFO)."


class ServerItem(BaseModel):
    """A server."""

    name: ServerName
    title: str = Field(description="its name on pages")
    environment: Literal["production", "staging", "development"] = Field(description="as configured")
    topology: Topology = Field(description="as the server says itself; `unknown` until it has answered")
    flavour: str | None = Field(
        description="the server software, like `Redis` or `Valkey`; null until it has told its version"
    )
    version: str | None = Field(description="its version; null until it has answered")
    status: Literal["up", "down", "unknown"] = Field(description="`unknown` until it has been checked once")
    read_only: bool = Field(description="true if actions on it are disabled on this site")
    error: str = Field("", description="why it is down; only present then")


class ClientFigures(BaseModel):
    """Its clients."""

    connected: int | None = Field(description="how many are connected")
    connected_reason: Reason = ""
    blocked: int | None = Field(description="of these, how many wait in a blocking command")
    blocked_reason: Reason = ""
    limit: int | None = Field(description="how many may be connected")
    limit_reason: Reason = ""


class PersistenceFacts(BaseModel):
    """What a restart would bring back. Null where the server does not report it."""

    saved_at: str | None = Field(description="when the last snapshot was written; null for never")
    saves: bool | None = Field(description="whether the last attempt to write a snapshot worked")
    append_only: bool | None = Field(description="whether an append-only file is written")
    appends: bool | None = Field(description="whether the last write to it worked")


class SamplerFacts(BaseModel):
    """What looking at it costs."""

    every_s: int = Field(description="seconds between two rounds, at least")
    cost_ms: int = Field(description="milliseconds that the last round took")
    streams: int = Field(description="streams that it has looked at")
    complete: bool = Field(description="true if it has looked at all keys")
    complete_reason: str = Field("", description="why it has not; only present then")


class AboutServer(BaseModel):
    """A server, as the last round saw it."""

    name: ServerName
    role: Role = Field(description="as the server says itself")
    role_reason: Reason = ""
    primary: str | None = Field(description="of a replica: host and port of its primary")
    in_step: bool | None = Field(description="of a replica: whether the link to its primary is up")
    replicas: int | None = Field(description="replicas that follow it")
    replicas_reason: Reason = ""
    topology: Topology = Field(description="as the server says itself; `unknown` until it has answered")
    flavour: str | None = Field(description="the server software; null until it has answered")
    version: str | None = Field(description="its version; null until it has answered")
    uptime_s: int | None = Field(description="seconds since it was started")
    uptime_s_reason: Reason = ""
    memory_bytes: Large | None = Field(description="memory that counts against the limit")
    memory_bytes_reason: Reason = ""
    maxmemory_bytes: Large | None = Field(description="how much it may use; null also if there is no limit")
    maxmemory_bytes_reason: Reason = ""
    memory_policy: str | None = Field(description="what it does when the memory is full, like `noeviction`")
    refuses_writes: bool | None = Field(description="whether it refuses writes now; null if that is unknown")
    refused_writes: Large | None = Field(description="writes that it has refused since it was started")
    refused_writes_reason: Reason = ""
    errors: dict[str, Large] = Field(description="errors it has answered since it was started, by code")
    clients: ClientFigures = Field(description="its clients, ours among them")
    persistence: PersistenceFacts = Field(description="what a restart would bring back")
    sampler: SamplerFacts = Field(description="what looking at it costs")
    as_of: str | None = Field(description="the time of the last round: ISO 8601 in UTC; null before the first")
    error: str = Field("", description="why it cannot be read now; only present then")


@router.get("/servers/{server}/about", response=AboutServer, openapi_extra=can_answer(404), summary="One server itself")
def about(request: HttpRequest, server: ServerName) -> dict[str, Any]:
    """Role, memory, clients, what it refused, and what looking costs it: from the last round."""
    watched = scope_of(request, server).server
    snapshot = freshen(watched)
    figures = snapshot.figures or ServerFigures()
    reason = NOT_TOLD if snapshot.figures else snapshot.unread
    known = partial(number, reason=reason)
    return {
        "name": watched.name,
        **_role(watched, figures, reason),
        **known("replicas", figures.replication.replicas),
        "topology": watched.known_facts.topology,
        "flavour": snapshot.info.flavour if snapshot.info else None,
        "version": snapshot.info.version_text if snapshot.info and snapshot.info.version else None,
        **known("uptime_s", figures.uptime_s),
        **known("memory_bytes", figures.memory_bytes),
        **number("maxmemory_bytes", figures.maxmemory_bytes or None, _no_limit(figures, reason)),
        "memory_policy": figures.memory_policy or None,
        **_refusals(snapshot, figures, reason),
        "errors": {code: exact(count) for code, count in figures.errors.items()},
        "clients": {
            **known("connected", figures.clients),
            **known("blocked", figures.blocked),
            **known("limit", figures.max_clients),
        },
        "persistence": _persistence(figures),
        "sampler": _sampler(snapshot),
        "as_of": iso_ms(snapshot.at_ms),
        **({"error": snapshot.error} if snapshot.error else {}),
    }


def _role(server: Server, figures: ServerFigures, reason: str) -> dict[str, Any]:
    found = figures.replication
    why = {"role_reason": server.known_facts.role_reason or reason} if found.role == "unknown" else {}
    return {"role": found.role, **why, "primary": found.primary or None, "in_step": found.in_step}


def _no_limit(figures: ServerFigures, reason: str) -> str:
    return "No limit is set." if figures.maxmemory_bytes == 0 else reason


def _refusals(snapshot: ServerSnapshot, figures: ServerFigures, reason: str) -> dict[str, Any]:
    """Nothing is known where the server tells neither of errors nor of its memory."""
    told = figures.memory_bytes is not None
    refuses = any(finding.kind == "refuses_writes" for finding in snapshot.findings)
    return {
        "refuses_writes": refuses if told else None,
        **number("refused_writes", figures.refused if told else None, reason),
    }


def _persistence(figures: ServerFigures) -> dict[str, Any]:
    found = figures.persistence
    return {
        "saved_at": iso_ms(found.saved_at * 1000) if found.saved_at else None,
        "saves": found.saves,
        "append_only": found.append_only,
        "appends": found.appends,
    }


def _sampler(snapshot: ServerSnapshot) -> dict[str, Any]:
    why = {} if snapshot.complete else {"complete_reason": snapshot.unread}
    return {
        "every_s": configured().sample_every,
        "cost_ms": round(snapshot.cost * 1000),
        "streams": len(snapshot.streams),
        "complete": snapshot.complete,
        **why,
    }


@router.get("/servers", response=Listing[ServerItem], summary="All servers")
def servers(request: HttpRequest) -> dict[str, Any]:
    """In the order of the configuration."""
    watched = [(server, freshen(server)) for server in visible_servers(principal_of(request))]
    times = [snapshot.at for _, snapshot in watched if snapshot.at]
    as_of = iso_ms(int(min(times) * 1000)) if times else None
    return listing([_item(server, snapshot) for server, snapshot in watched], as_of=as_of)


def _item(server: Server, snapshot: ServerSnapshot) -> dict[str, Any]:
    config, info = server.config, snapshot.info
    return {
        "name": config.name,
        "title": config.title or config.name,
        "environment": config.environment,
        "topology": server.known_facts.topology,
        "flavour": info.flavour if info and info.version else None,
        "version": info.version_text if info and info.version else None,
        "read_only": config.read_only,
        **_status(snapshot),
    }


def _status(snapshot: ServerSnapshot) -> dict[str, Any]:
    if snapshot.error:
        return {"status": "down", "error": snapshot.error}
    return {"status": "unknown" if snapshot.at is None else "up"}
